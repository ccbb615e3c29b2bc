"""What the model is told of a question that was shown."""

import json

from shared.interactions import results


def test_answers() -> None:
    assert results.submitted({"name": "Zoë"}) == ('{"status":"submitted","values":{"name":"Zoë"}}')


def test_a_refusal_to_answer() -> None:
    told = json.loads(results.declined())
    assert told["status"] == "declined"
    assert told["message"].startswith("The user does not want to answer.")


def test_silence() -> None:
    told = json.loads(results.no_response())
    assert told["status"] == "no_response"
    assert told["message"].startswith("The user did not answer in time.")
