"""The logs: one JSON line per record, with ids, and without what must not be in them."""

import io
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from shared import logs
from shared.log_fields import redacted

log = logging.getLogger("parley")
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """The lines logged so far."""
    before = (log.handlers, log.level, log.propagate)
    others = (logging.root.handlers, logging.root.level, threading.excepthook)
    stream = io.StringIO()
    logs.configure("worker", "INFO", stream)
    with logs.invocation():
        yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    log.handlers, log.level, log.propagate = before
    logging.root.handlers, logging.root.level, threading.excepthook = others


def test_one_json_line_for_a_record(lines: Lines) -> None:
    log.info("lease lost", extra={"box": "BOX#conv#t#c", "attempt": 3})
    (line,) = lines()
    assert line["message"] == "lease lost"
    assert (line["level"], line["service"]) == ("INFO", "worker")
    assert (line["box"], line["attempt"]) == ("BOX#conv#t#c", 3)
    assert line["timestamp"].endswith("+00:00")
    assert line["location"].startswith("test_one_json_line_for_a_record:")


def test_the_level_holds(lines: Lines) -> None:
    log.debug("quiet")
    assert lines() == []


def test_who_hears_beside_the_log_hears_everything(lines: Lines) -> None:
    class Heard(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.append(record.getMessage())

    told: list[str] = []
    stream = io.StringIO()
    logs.configure("worker", "WARNING", stream, also=[Heard()])
    log.debug("posted")
    log.info("turn taken")
    log.warning("turn failed")
    assert told == ["posted", "turn taken", "turn failed"]
    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == told[2:]


def test_configuring_again_changes_and_does_not_double(lines: Lines) -> None:
    stream = io.StringIO()
    logs.configure("sweep", "DEBUG", stream)
    log.debug("x")
    assert json.loads(stream.getvalue())["service"] == "sweep"
    assert lines() == []


def test_a_traceback_is_on_the_same_line(lines: Lines) -> None:
    try:
        raise RuntimeError("no\nway")
    except RuntimeError:
        log.exception("job failed")
    (line,) = lines()
    assert line["exception_name"] == "RuntimeError"
    assert "in test_a_traceback_is_on_the_same_line" in line["exception"]


def test_half_a_character_does_not_cost_the_line() -> None:
    # In a process of its own: what pytest captures goes to another one, which this cannot.
    script = (
        "import logging\n"
        "from shared import logs\n"
        "logs.configure('worker')\n"
        "log = logging.getLogger('parley')\n"
        "log.info('a \\ud800 b %s', float('nan'), extra={'number': float('inf')})\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    line = json.loads(ran.stdout)
    assert line["message"] == "a \ud800 b nan"
    assert line["number"] == "inf"


def test_standard_output_is_what_it_is_now(
    lines: Lines, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as replaced:
        replaced.setattr("sys.stdout", io.StringIO())
        logs.configure("worker")
    log.info("here")
    assert json.loads(capsys.readouterr().out)["message"] == "here"


# -- ids --------------------------------------------------------------------------------------


def test_ids_are_bound_for_one_invocation(lines: Lines) -> None:
    with logs.invocation(request="r1"):
        logs.bind(connection="c1", tenant="acme")
        log.info("one")
        logs.bind(tenant=None)
        log.info("two")
    log.info("three")
    with logs.invocation(request="r2"):
        log.info("four")
    one, two, three, four = lines()
    assert (one["request"], one["connection"], one["tenant"]) == ("r1", "c1", "acme")
    assert "tenant" not in two
    assert "request" not in three
    assert "connection" not in three
    assert four["request"] == "r2"
    assert "connection" not in four


def test_ids_end_with_an_invocation_that_fails(lines: Lines) -> None:
    with pytest.raises(logs.InvocationFailed), logs.invocation(request="r1"):
        raise KeyError
    log.info("after")
    failed, after = lines()
    assert (failed["request"], failed["exception_name"]) == ("r1", "KeyError")
    assert "request" not in after


def test_what_a_record_says_itself_wins(lines: Lines) -> None:
    logs.bind(connection="mine")
    log.info("x", extra={"connection": "another"})
    assert lines()[0]["connection"] == "another"


def test_invocations_side_by_side_keep_their_ids(lines: Lines) -> None:
    both = threading.Barrier(2)

    def invoke(name: str) -> None:
        with logs.invocation(request=name):
            both.wait()
            log.info(name)
            both.wait()

    threads = [threading.Thread(target=invoke, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted((line["message"], line["request"]) for line in lines()) == [
        ("a", "a"),
        ("b", "b"),
    ]


# -- what must not be in a log ----------------------------------------------------------------

SECRET = "aVerySecretValue123"


@pytest.mark.parametrize(
    "extra",
    [
        {"ticket": SECRET},
        {"X-Api-Key": SECRET},
        {"apikey": SECRET},
        {"headers": {"Authorization": f"Bearer {SECRET}"}},
        {"service_token": [SECRET]},
        {"secret": {"value": SECRET}},
        {"event": {"queryStringParameters": {"a": SECRET}, "body": SECRET}},
        {"rawQueryString": SECRET},
        {"text": SECRET},
        {"frame": {"content": [{"text": SECRET}]}},
        {"url": f"wss://example.com/ws?ticket={SECRET}"},
        {"url": f"https://example.com/a?b={SECRET}#c"},
        {"path": f"/ws?assistant_id=a&ticket={SECRET}"},
        {"reason": f"bearer {SECRET}"},
        {"reason": f"api_key={SECRET}, refused"},
        {"reason": f"the key sk-ant-{SECRET} is bad"},
        {"key": SecretStr(SECRET)},
        {"deep": [[[[[[[[[[SECRET]]]]]]]]]]},
    ],
)
def test_no_secret_is_logged(lines: Lines, extra: dict[str, Any]) -> None:
    log.info("x", extra=extra)
    assert SECRET not in json.dumps(lines())


@pytest.mark.parametrize(
    "message", [f"GET /ws?ticket={SECRET} failed", f'{{"token": "{SECRET}", "text": "{SECRET}"}}']
)
def test_no_secret_in_a_message(lines: Lines, message: str) -> None:
    log.info(message)
    log.info("%s", message.replace('"text": ', "token="))
    assert SECRET not in json.dumps(lines())


def test_no_secret_in_a_traceback(lines: Lines) -> None:
    try:
        url = f"https://example.com/x?token={SECRET}"
        raise RuntimeError(url)
    except RuntimeError:
        log.exception("failed")
    assert SECRET not in json.dumps(lines())


def test_numbers_are_no_secrets(lines: Lines) -> None:
    log.info("x", extra={"input_tokens": 5, "prompt": 7, "url": "https://example.com/a"})
    (line,) = lines()
    assert (line["input_tokens"], line["prompt"]) == (5, 7)
    assert line["url"] == "https://example.com/a"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
)


@given(values)
def test_whatever_is_logged_is_json(value: Any) -> None:
    json.dumps(redacted(value), allow_nan=False)


def test_logging_does_not_cost_the_import_of_boto3() -> None:
    code = "import sys, shared.logs; sys.exit('boto3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
