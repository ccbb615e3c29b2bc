"""What a log tells of an exception: enough to find its cause, and none of its words."""

import io
import logging
import sqlite3
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from shared import logs
from shared.errors import InternalError
from shared.models.failures import refused
from tests.privacy.canaries import only

SECRET = "canary5e7a"
log = logging.getLogger("parley")
Line = Mapping[str, Any]


def logged(written: io.StringIO, fault: BaseException) -> str:
    try:
        raise fault
    except type(fault):
        log.exception("it failed")
    return str(only(written, SECRET)["exception"])


def test_others_words_are_left_out_and_the_place_is_told(written: io.StringIO) -> None:
    told = logged(written, RuntimeError(SECRET))
    first, place = told.splitlines()
    assert first == "builtins.RuntimeError"
    assert place.endswith(" in logged")
    assert f"{Path(__file__).name}:" in place


def test_our_own_words_are_told_with_what_had_caused_them(written: io.StringIO) -> None:
    fault = refused(400, "invalid_request_error", SECRET)
    fault.__cause__ = ValueError(SECRET)
    fault.__cause__.__context__ = KeyError(SECRET)
    told = [line for line in logged(written, fault).splitlines() if not line.startswith(" ")]
    assert told == [
        f"shared.models.port.ModelError: {fault.message}",
        "builtins.ValueError",
        "builtins.KeyError",
    ]


def test_a_context_that_was_left_out_on_purpose_stays_out(written: io.StringIO) -> None:
    fault = InternalError()
    fault.__context__, fault.__suppress_context__ = ValueError(SECRET), True
    assert "ValueError" not in logged(written, fault)


def test_a_chain_and_a_trace_have_an_end(written: io.StringIO) -> None:
    fault: BaseException = ValueError(SECRET)
    for _ in range(20):
        outer = ValueError(SECRET)
        outer.__cause__, fault = fault, outer

    def deeper(levels: int) -> None:
        if not levels:
            raise fault
        deeper(levels - 1)

    with pytest.raises(ValueError) as caught:
        deeper(90)
    told = logged(written, caught.value).splitlines()
    assert len(told) == logs.MAX_CAUSES + logs.MAX_FRAMES


class Refusal(Exception):
    """As a provider's library raises it."""

    status_code = 400
    type = "invalid_request_error"
    request_id = SECRET


def _sqlite_error() -> sqlite3.Error:
    with closing(sqlite3.connect(":memory:")) as database:
        try:
            database.execute(f"SELECT '{SECRET}' FROM {SECRET}")
        except sqlite3.Error as fault:
            return fault
    raise AssertionError("there is no such table")


def _aws_error() -> ClientError:
    answer = {"Error": {"Code": "AccessDeniedException", "Message": SECRET}}
    return ClientError(answer, "PutItem")


@pytest.mark.parametrize(
    ("make", "codes"),
    [
        (Refusal, "(status_code=400, type=invalid_request_error)"),
        (lambda: ConnectionResetError(104, SECRET), "(errno=104)"),
        (_sqlite_error, "(sqlite_errorname=SQLITE_ERROR)"),
        (_aws_error, "(aws_code=AccessDeniedException)"),
    ],
)
def test_codes_are_told(written: io.StringIO, make: Callable[[], Exception], codes: str) -> None:
    assert logged(written, make()).splitlines()[0].endswith(codes)


def test_what_only_looks_like_a_code_is_not_told(written: io.StringIO) -> None:
    fault = RuntimeError()
    vars(fault).update(type=SECRET, status_code=SECRET, errno=True, response={"Error": SECRET})
    assert logged(written, fault).splitlines()[0] == "builtins.RuntimeError"


def test_a_record_that_cannot_be_put_together(
    written: io.StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    # To this handler alone: those of pytest would raise.
    log.handlers[0].handle(log.makeRecord(log.name, logging.INFO, "x.py", 1, "%d", (SECRET,), None))
    assert written.getvalue() == ""
    assert capfd.readouterr().err == "a record of parley could not be logged\n"


# -- libraries, threads, invocations ----------------------------------------------------------


def test_a_library_is_heard_from_warning_up_without_what_it_fills_in(
    written: io.StringIO,
) -> None:
    library = logging.getLogger("urllib3.connectionpool")
    library.debug("sent %s", SECRET)
    library.info("sent %s", SECRET)
    with logs.invocation(request="r1"):
        library.warning("Retrying %s", SECRET, extra={"words": SECRET})
    line = only(written, SECRET)
    assert (line["message"], line["logger"]) == ("Retrying %s", "urllib3.connectionpool")
    assert (line["level"], line["request"]) == ("WARNING", "r1")


def test_words_that_a_library_put_together_itself_are_left_out(written: io.StringIO) -> None:
    try:
        raise ValueError(SECRET)
    except ValueError as fault:
        logging.getLogger("asyncio").exception(f"never retrieved: {fault!r}")  # noqa: G004
    line = only(written, SECRET)
    assert line["message"] == "a message of a library"
    assert line["exception"].startswith("builtins.ValueError")


def test_a_thread_that_dies_is_logged(
    written: io.StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    def die() -> None:
        raise RuntimeError(SECRET)

    thread = threading.Thread(target=die, name="keeper")
    thread.start()
    thread.join()
    line = only(written, SECRET)
    assert (line["message"], line["task"]) == ("a thread died", "keeper")
    assert line["exception"].startswith("builtins.RuntimeError")
    assert capfd.readouterr().err == ""


def test_a_thread_that_leaves_is_no_news(written: io.StringIO) -> None:
    def leave() -> None:
        raise SystemExit(SECRET)

    thread = threading.Thread(target=leave)
    thread.start()
    thread.join()
    assert written.getvalue() == ""
