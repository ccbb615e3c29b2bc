"""The scripted server can be trusted: it keeps its books, and complains."""

import json
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from shared.models.port import ReasoningDelta, TextDelta
from tests.models.asking import ask, failure_of, model_at, question, text_in
from tests.support.messages_api import Chosen, Request, ScriptedMessagesApi, Step, echo, last_words


def conversation(*said: str) -> dict[str, Any]:
    messages: list[dict[str, str]] = []
    for text in said:
        messages += [{"role": "user", "content": text}, {"role": "assistant", "content": "ok"}]
    return {"messages": messages[:-1]}


def test_an_unforeseen_request_is_refused_and_told_at_the_end() -> None:
    api = ScriptedMessagesApi().start()
    with model_at(api.base_url) as model:
        _, error = failure_of(ask(model))
    api.stop()
    assert error.error_code == "MODEL_REFUSED"
    with pytest.raises(AssertionError, match="unexpected request: 'Hello'"):
        api.assert_done()


def test_a_step_that_nobody_asked_for_is_told_at_the_end() -> None:
    with (
        pytest.raises(AssertionError, match=r"unused.*never"),
        ScriptedMessagesApi([Step(tokens=["never"]), Step(times=None)]),
    ):
        pass


def test_a_request_that_breaks_the_rules_is_refused_and_told() -> None:
    bad = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": [_USE]}]
    with (
        pytest.raises(AssertionError, match="tool_result"),
        ScriptedMessagesApi() as api,
        model_at(api.base_url) as model,
    ):
        failure_of(ask(model, question(messages=bad)))


_USE = {"type": "tool_use", "id": "t", "name": "n", "input": {}}


def test_steps_are_chosen_by_the_last_words_and_else_in_their_order() -> None:
    def counted(request: Request) -> str:
        return f"{len(request['messages'])} so far, last {last_words(request)}"

    steps: list[Chosen] = [Step(tokens=["B!"], match="b"), Step(tokens=["first"]), counted]
    with ScriptedMessagesApi(steps) as api, model_at(api.base_url) as model:
        answers = [text_in(list(ask(model, question(text)))) for text in ("a", "b", "c")]
    assert answers == ["first", "B!", "1 so far, last c"]


def test_echo_counts_and_recalls() -> None:
    assert echo(conversation("tea")) == "You said: tea (message 1)"
    asked = conversation("tea", "milk", "What did I say?")
    assert echo(asked) == "Before that you said: milk (message 3)"


def test_many_clients_at_once_are_all_served() -> None:
    answers: dict[int, str] = {}

    with ScriptedMessagesApi(reply=echo) as api, model_at(api.base_url) as model:

        def talk(number: int) -> None:
            answers[number] = text_in(list(ask(model, question(f"n{number}"))))

        threads = [threading.Thread(target=talk, args=(number,)) for number in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        api.wait_for(lambda books: books.open_streams == 0)
    assert answers == {number: f"You said: n{number} (message 1)" for number in range(40)}
    assert len(api.requests) == 40


def test_as_a_process_it_prints_its_port_and_tells_what_it_was_asked(tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    call = {"name": "find", "input": {"id": 1}}
    script.write_text(
        json.dumps({"steps": [{"match": "find", "tool_calls": [call]}], "default": "echo"}), "utf-8"
    )
    command = [sys.executable, "-m", "tests.support.messages_api", "--script", str(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = f"http://127.0.0.1:{int(process.stdout.readline())}"
        with model_at(address) as model:
            assert text_in(list(ask(model))) == "You said: Hello (message 1)"
            list(ask(model, question("find it")))
        with urllib.request.urlopen(f"{address}/_recorded", timeout=10) as response:
            books = json.load(response)
        process.terminate()
    assert process.returncode == 0
    assert [last_words(each) for each in books["requests"]] == ["Hello", "find it"]
    assert (books["wrong"], books["unused"]) == ([], 0)


def test_an_unknown_field_in_a_script_is_refused() -> None:
    with pytest.raises(ValueError, match="tokenz"):
        Step.from_json({"tokenz": []})


def test_a_step_from_a_file_may_think() -> None:
    step = Step.from_json({"thinking": ["Hm", "m"], "tokens": ["Yes"]})
    with ScriptedMessagesApi([step]) as api, model_at(api.base_url) as model:
        events = list(ask(model))
    assert events[:3] == [ReasoningDelta("Hm"), ReasoningDelta("m"), TextDelta("Yes")]


def test_requests_are_kept_as_they_came_and_in_their_plain_form() -> None:
    block = {"type": "text", "text": "Hello", "cache_control": {"type": "ephemeral"}}
    two = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    tool = {"name": "n", "input_schema": {"type": "object"}}
    body = {
        "model": "m",
        "max_tokens": 1,
        "system": [block],
        "tools": [{**tool, "cache_control": {"type": "ephemeral"}}],
        "messages": [{"role": "user", "content": [block]}, {"role": "user", "content": two}],
    }
    with ScriptedMessagesApi([Step(tokens=["Yes"])]) as api:
        asked = urllib.request.Request(f"{api.base_url}/v1/messages", json.dumps(body).encode())
        urllib.request.urlopen(asked, timeout=10).close()
    assert api.raw_requests == [body]
    assert api.requests == [
        {
            "model": "m",
            "max_tokens": 1,
            "system": "Hello",
            "tools": [tool],
            "messages": [{"role": "user", "content": "Hello"}, {"role": "user", "content": two}],
        }
    ]


def test_without_stream_the_answer_comes_in_one_piece() -> None:
    body = {**question().__dict__, "tools": []}
    step = Step(thinking=["Hm", "m"], tokens=["Yes", "!"])
    with ScriptedMessagesApi([step]) as api:
        asked = urllib.request.Request(f"{api.base_url}/v1/messages", json.dumps(body).encode())
        with urllib.request.urlopen(asked, timeout=10) as response:
            said = json.load(response)
    assert said["content"] == [
        {"type": "thinking", "thinking": "Hmm", "signature": "c2lnbmVk"},
        {"type": "text", "text": "Yes!"},
    ]
