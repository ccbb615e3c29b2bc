"""The HTTP API as commands ask it: addresses, tokens, and answers that are none of ours."""

import json
import socket
import socketserver
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Thread
from typing import Any

import pytest

from shared.cli.api import LONGEST, PATIENCE, Api
from shared.cli.chat.faults import ChatFault, Refused, Unreachable
from shared.cli.deliveries import listed, replay
from tests.support.clock import FakeClock
from tests.support.gateway import serving

TOKEN = "a-token-that-nobody-may-read"
ENTRY = {"delivery_id": "dlv_1", "kind": "callback", "error": "x\x1b[2J\u202ey"}

Say = Callable[[Mapping[str, Any]], Mapping[str, Any]]


@contextmanager
def saying(*answers: Mapping[str, Any] | Say) -> Iterator[tuple[Api, list[Any], FakeClock]]:
    """A server that answers so, the last one for ever; what it was asked, and the clock."""
    waiting, asked, clock = list(answers), [], FakeClock()

    def http(event: dict[str, Any], context: object) -> Mapping[str, Any]:
        asked.append(event)
        answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        return answer(event) if callable(answer) else answer

    with serving(http=http) as gateway:
        made = Api.of(gateway.url, TOKEN)
        yield Api(base=made.base, tokens=made.tokens, clock=clock), asked, clock


def answer(status: int, body: Any, **headers: str) -> Mapping[str, Any]:
    text = body if isinstance(body, str) else json.dumps(body)
    return {"statusCode": status, "body": text, "headers": headers}


def error(status: int, code: str = "A_CODE", message: str = "No.", **headers: str) -> Any:
    return answer(status, {"error": {"code": code, "message": message}}, **headers)


@pytest.mark.parametrize(
    ("api", "token", "named"),
    [
        ("ws://127.0.0.1:1", TOKEN, "--api"),
        ("http://", TOKEN, "--api"),
        ("http://me:secret@127.0.0.1", None, "--api"),
        ("http://127.0.0.1/#x", None, "--api"),
        ("http://127.0.0.1/?x=1", None, "--api"),
        ("http://127.0.0.1:99999", None, "--api"),
        ("http://api.example.com", TOKEN, "unencrypted"),
        ("http://127.0.0.1", "two words", "--token"),
    ],
)
def test_options_that_make_no_sense(api: str, token: str | None, named: str) -> None:
    with pytest.raises(ChatFault, match=named) as raised:
        Api.of(api, token)
    assert TOKEN not in raised.value.message


@pytest.mark.parametrize("api", ["https://x.example/prod", "https://x.example/prod/"])
def test_a_base_may_have_a_path(api: str) -> None:
    assert Api.of(api, TOKEN).base == "https://x.example/prod"


def test_a_server_that_does_not_run() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with pytest.raises(Unreachable, match="make dev") as raised:
        Api.of(f"http://127.0.0.1:{port}", TOKEN).ask("GET", "/deliveries")
    assert TOKEN not in raised.value.message


def test_a_connection_that_is_closed_under_the_next_request() -> None:
    """As every server does with one that rests, whenever it likes."""

    class OneAnswer(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.request.settimeout(30)
            self._heard()
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")
            # What comes now on this connection is not answered any more.
            self._heard()

        def _heard(self) -> None:
            while self.rfile.readline().strip():
                pass

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), OneAnswer) as server:
        Thread(target=server.serve_forever).start()
        api = Api.of(f"http://127.0.0.1:{server.server_address[1]}", TOKEN)
        try:
            assert [api.ask("GET", "/x").json() for _ in range(3)] == [[], [], []]
        finally:
            server.shutdown()


def test_a_name_of_any_letters_is_sent_and_no_other() -> None:
    with saying(answer(200, [])) as (api, asked, _):
        api.acting_for(" Zoë ").ask("GET", "/x")
    [event] = asked
    assert event["headers"]["x-on-behalf-of"] == "Zoë"
    for name in ("", "  ", "a\r\nx: y"):
        with pytest.raises(ChatFault, match="--user"):
            api.acting_for(name)


def test_the_token_and_the_body_are_sent() -> None:
    with saying(answer(200, [])) as (api, asked, _):
        assert api.ask("POST", "/x?a=b", {"c": 1}).json() == []
    [event] = asked
    assert event["headers"]["authorization"] == f"Bearer {TOKEN}"
    assert (event["rawPath"], event["rawQueryString"]) == ("/x", "a=b")
    assert json.loads(event["body"]) == {"c": 1}


@pytest.mark.parametrize("status", [403, 404, 409, 422, 500, 503])
def test_what_the_server_says_of_a_refusal_is_passed_on(status: int) -> None:
    with (
        saying(error(status, message="No\x1b[2J \n way.")) as (api, *_),
        pytest.raises(Refused) as raised,
    ):
        api.ask("GET", "/x")
    assert (raised.value.code, raised.value.message) == ("A_CODE", "No[2J way.")


@pytest.mark.parametrize(
    "said",
    [
        answer(302, "", location="http://127.0.0.1:1/elsewhere"),
        answer(404, "<html>"),
        answer(500, [1]),
        answer(502, {"error": "no"}),
        answer(400, "[" * 100_000),
    ],
)
def test_whoever_answers_otherwise_is_no_server_of_ours(said: Mapping[str, Any]) -> None:
    with saying(said) as (api, asked, _), pytest.raises(Unreachable, match="no HTTP API of Parley"):
        api.ask("GET", "/x")
    assert len(asked) == 1


def test_who_is_told_to_come_back_does_so_when_told() -> None:
    again = [error(429, **{"retry-after": each}) for each in ("7", "soon", "100000")]
    with saying(*again, answer(200, [])) as (api, asked, clock):
        api.ask("GET", "/x")
    assert clock.sleeps == [7.0, 1.0, float(LONGEST)]
    assert len(asked) == 4


def test_nobody_comes_back_for_ever() -> None:
    with (
        saying(error(429, "RATE_LIMITED", **{"retry-after": "2"})) as (api, asked, _),
        pytest.raises(Refused, match="No"),
    ):
        api.ask("GET", "/x")
    assert len(asked) == PATIENCE


# -- lists of others ----------------------------------------------------------------------------


@pytest.mark.parametrize("body", ["[", {}, [1], [{}], [{"delivery_id": 1}], [ENTRY, None]])
def test_a_list_that_is_none(body: Any) -> None:
    with (
        saying(answer(200, body)) as (api, *_),
        pytest.raises(Unreachable, match="no HTTP API of Parley"),
    ):
        list(listed(api, 10))


@pytest.mark.parametrize(
    "link",
    [
        '<http://127.0.0.1:1/deliveries?cursor=x>; rel="next"',
        '<//127.0.0.1:1/deliveries?cursor=x>; rel="next"',
        '<@127.0.0.1:1/deliveries?x>; rel="next"',
        '</deliveries/../turns?cursor=x>; rel="next"',
        '</deliveries?cursor=x>; rel="prev"',
        "nonsense",
    ],
)
def test_a_link_elsewhere_is_not_followed(link: str) -> None:
    with saying(answer(200, [ENTRY], link=link)) as (api, asked, _):
        assert [each["delivery_id"] for each in listed(api, 10)] == ["dlv_1"]
    assert len(asked) == 1


def test_pages_that_never_end_are_read_as_far_as_was_asked() -> None:
    def page(event: Mapping[str, Any]) -> Mapping[str, Any]:
        number = int(event["rawQueryString"].rpartition("=")[2])
        entry = {"delivery_id": f"dlv_{number}"}
        link = f'</deliveries?cursor={number + 1}>; rel="next"'
        return answer(200, [entry, entry], link=link)

    with saying(page) as (api, asked, _):
        found = [each["delivery_id"] for each in listed(api, 15)]
    assert len(found) == len(set(found)) == len(asked) == 15


def test_pages_that_repeat_themselves_end() -> None:
    link = '</deliveries?cursor=x>; rel="next"'
    with saying(answer(200, [ENTRY], link=link)) as (api, asked, _):
        assert len(list(listed(api, 1000))) == 1
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [("DELIVERY_NOT_DEAD", 0), ("DELIVERY_NOT_FOUND", 0), ("MAILBOX_FULL", 1)],
)
def test_what_somebody_else_has_replayed_meanwhile_is_no_failure_of_all(
    code: str, exit_code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    for everything, expected in ((True, exit_code), (False, 1)):
        answers = [answer(200, [ENTRY])] if everything else []
        with saying(*answers, error(409, code)) as (api, *_):
            named = [] if everything else ["dlv_1"]
            assert replay(api, named, everything=everything, as_json=False) == expected
        assert capsys.readouterr().out == f"refused\tdlv_1\t{code}: No.\n"
