"""A model provider that refuses: what is tried again, and what a client is told in the end."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.failures.broken import CALL, SECRET
from tests.failures.talk import RETRIES, talking
from tests.support.gateway import PATIENCE
from tests.support.messages_api import ScriptedMessagesApi, Step

ANSWER = Step(tokens=["All", " well"], input_tokens=10, output_tokens=2)


def refusal(status: int, kind: str, **more: Any) -> Step:
    return Step(status=status, error_type=kind, error_message=f"{SECRET} /v1/x.py", **more)


OVERLOADED = refusal(529, "overloaded_error")
LIMITED = refusal(429, "rate_limit_error", headers={"Retry-After": "0"})
LATER = refusal(429, "rate_limit_error", headers={"Retry-After": "7000"})
LONG = Step(
    status=400,
    error_type="invalid_request_error",
    error_message=f"prompt is too long: {SECRET}",
)


@pytest.mark.parametrize(
    "step", [OVERLOADED, LIMITED, refusal(500, "api_error"), refusal(408, "timeout_error")]
)
def test_a_refusal_that_passes_is_not_seen(tmp_path: Path, step: Step) -> None:
    with (
        ScriptedMessagesApi([step] * RETRIES + [ANSWER]) as api,
        talking(tmp_path, api.base_url) as talk,
    ):
        talk.ask("Hi")
        told = talk.told("Hi")
    assert told.text == told.pieces == "All well"
    assert told.tokens == (10, 2)


@pytest.mark.parametrize(
    ("step", "times", "code", "retryable"),
    [
        (OVERLOADED, RETRIES + 1, "MODEL_OVERLOADED", True),
        (LIMITED, RETRIES + 1, "RATE_LIMITED", True),
        (LATER, 1, "RATE_LIMITED", True),
        (refusal(500, "api_error"), RETRIES + 1, "MODEL_OVERLOADED", True),
        (refusal(400, "invalid_request_error"), 1, "MODEL_REFUSED", False),
        (LONG, 1, "CONTEXT_TOO_LONG", False),
        (refusal(401, "authentication_error"), 1, "LLM_UNAVAILABLE", False),
        (refusal(403, "permission_error"), 1, "LLM_UNAVAILABLE", False),
        (refusal(404, "not_found_error"), 1, "LLM_UNAVAILABLE", False),
        (refusal(413, "request_too_large"), 1, "MODEL_REFUSED", False),
    ],
)
def test_a_refusal_that_stays_is_one_error(
    tmp_path: Path, step: Step, times: int, code: str, retryable: bool
) -> None:
    with (
        ScriptedMessagesApi([step] * times + [ANSWER]) as api,
        talking(tmp_path, api.base_url) as talk,
    ):
        talk.ask("Hi")
        told = talk.told("Hi")
        talk.ask("Once more")
        assert talk.told("Once more").text == "All well"
    assert told.fault == (code, retryable)
    assert told.pieces == ""
    assert told.tokens == (0, 0)
    assert SECRET not in json.dumps([told.events, told.state])
    asked_for = step.headers.get("Retry-After")
    wait = told.end["data"]["details"].get("retryAfter")
    assert wait == (None if asked_for is None else int(asked_for))


def test_a_refusal_after_a_tool_has_run_ends_the_turn_and_counts_what_it_has_cost(
    tmp_path: Path,
) -> None:
    with (
        ScriptedMessagesApi([CALL, refusal(400, "invalid_request_error")]) as api,
        talking(tmp_path, api.base_url) as talk,
    ):
        talk.ask("Hi")
        told = talk.told("Hi")
    assert told.fault == ("MODEL_REFUSED", False)
    assert told.pieces == "Let me see"
    assert told.steps == ["toolCall", "toolResult"]
    assert told.tokens == (CALL.input_tokens, CALL.output_tokens)


@pytest.mark.parametrize("how", [{"stall_after": -1}, {"stall_after": 1}])
def test_a_turn_has_only_so_much_time(tmp_path: Path, how: dict[str, int]) -> None:
    with (
        ScriptedMessagesApi([Step(tokens=["Well", "."], **how)]) as api,  # type: ignore[arg-type]
        talking(tmp_path, api.base_url, idle=PATIENCE, TURN_SECONDS="1") as talk,
    ):
        talk.ask("Hi")
        told = talk.told("Hi")
        api.wait_for(lambda books: books.disconnected == 1)
    assert told.fault == ("TURN_TIMEOUT", False)
    assert told.pieces == ("Well" if how["stall_after"] > 0 else "")


def test_a_provider_that_is_not_there(tmp_path: Path) -> None:
    with ScriptedMessagesApi() as gone:
        pass
    with talking(tmp_path, gone.base_url) as talk:
        talk.ask("Hi")
        assert talk.told("Hi").fault == ("LLM_UNAVAILABLE", True)
