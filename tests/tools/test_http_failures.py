"""HTTP tools that get no answer, or may not ask: what the model is told, and what is logged."""

import logging

import pytest

from shared.tools.port import ToolFault
from tests.messaging.receivers import Answer, by_hand, dripping, receiver, saying, silent
from tests.support.clock import FakeClock
from tests.tools.calls import context
from tests.tools.http_calls import fault, texts, tool

UNSAFE = ["POST", "PUT", "PATCH", "DELETE"]
UNKNOWN = "outcome is unknown"


def test_without_its_secret_nothing_is_sent(caplog: pytest.LogCaptureFixture) -> None:
    with receiver() as server, caplog.at_level(logging.WARNING, "parley"):
        said = fault(server, headers={"Authorization": "secret:refunds"})

    assert server.got == []
    assert "not set up completely; nothing was sent" in said
    assert "refunds" not in said
    assert "PARLEY_SECRET_REFUNDS" in str(vars(caplog.records[0]))


@pytest.mark.parametrize("method", ["GET", *UNSAFE])
@pytest.mark.parametrize(
    "answer",
    [silent, saying(b""), dripping(b"HTTP/1.1 200 OK\r\n\r\n", b"x")],
    ids=["silent", "closed", "dripping"],
)
def test_without_an_answer_only_a_get_has_surely_done_nothing(method: str, answer: Answer) -> None:
    with by_hand(answer) as port:
        made = tool(f"http://api.example:{port}/", method, timeout=0.3)
        with pytest.raises(ToolFault, match="no complete answer") as caught:
            made.run({}, context())

    assert (UNKNOWN in str(caught.value)) is (method != "GET")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_server_that_is_not_there(method: str) -> None:
    with receiver() as server:
        pass
    said = fault(server, "/", method)
    assert said == "The tool's server could not be reached; nothing was sent."


def test_a_name_with_a_private_address_is_refused_when_called(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with receiver() as server, caplog.at_level(logging.WARNING, "parley"):
        said = fault(server, allow_private=False)

    assert server.got == []
    assert "nothing was sent" in said
    assert "private address" in vars(caplog.records[0])["reason"]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (
            "http://127.0.0.1/",
            "is a private address; set ALLOW_PRIVATE_ADDRESSES=true or use a public one",
        ),
        ("https://[::1]/", "is a private address"),
        ("https://user:pw@api.example/", "must not carry credentials"),
        ("https://api.example:0/", "is malformed"),
        ("https://api.example/a b", "characters that a URL cannot have"),
    ],
)
def test_an_address_that_may_not_be_called_is_refused_when_made(url: str, said: str) -> None:
    with pytest.raises(ValueError) as caught:
        tool(url, allow_private=False)
    assert str(caught.value).startswith("must have a url that can be called: ")
    assert said in str(caught.value)


def test_nothing_is_sent_after_the_deadline() -> None:
    clock = FakeClock()
    clock.advance(50)
    with receiver() as server:
        made = tool(f"http://api.example:{server.port}/", "POST", clock=clock)
        with pytest.raises(ToolFault, match="No time was left"):
            made.run({}, context(deadline=50.0))

    assert server.got == []


def test_the_deadline_bounds_the_wait() -> None:
    with by_hand(silent) as port:
        made = tool(f"http://api.example:{port}/", timeout=300)
        with pytest.raises(ToolFault, match="no complete answer"):
            made.run({}, context(deadline=0.3))


def test_no_argument_and_no_answer_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with receiver() as server, caplog.at_level(logging.DEBUG):
        server.status = 500
        server.headers = {"Content-Type": "text/plain", "X-Broken": "a\r\nno header"}
        server.body = b"private words"
        fault(server, "/{id}", parameters=texts("id"), arguments={"id": "secret-order"})

    assert server.got[0].path == "/secret-order"
    assert "secret-order" not in caplog.text
    assert "private words" not in caplog.text
