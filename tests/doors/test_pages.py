"""CORS_ORIGINS: which web pages may call, and that they may read why something failed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.doors.door import Answer, Door, door
from tests.doors.issuers import Issuer, with_secret
from tests.scenarios.clocks import Later

OURS, ALSO, THEIRS = "https://app.example.com", "http://localhost:3000", "https://evil.example.com"
NEAR = ["https://app.example.com.evil", "http://app.example.com", "null", "https://APP.example.com"]
SETTINGS = {"CORS_ORIGINS": f"{OURS},{ALSO}", "RATE_LIMIT_PRINCIPAL_PER_MINUTE": "3"}
TURN = {"agent_id": "assistant", "message": "Hi"}


@pytest.fixture
def here(tmp_path: Path, issuer: Issuer, clock: Later) -> Iterator[Door]:
    with door(tmp_path, issuer, clock, **SETTINGS) as made:
        yield made


def allowed(answer: Answer) -> str | None:
    """The page that may read the answer. Never with a browser's own credentials."""
    assert "access-control-allow-credentials" not in answer.headers
    return answer.headers.get("access-control-allow-origin")


def asked(
    here: Door, status: int, method: str, path: str, token: str | None = None, body: Any = None
) -> None:
    """Ask it as each page; the answer is for ours alone."""
    for origin in (OURS, THEIRS, None):
        headers = {} if origin is None else {"Origin": origin}
        answer = here.ask(method, path, token, body, headers)
        assert answer.status == status, answer
        assert allowed(answer) == (origin if origin == OURS else None)
        assert "origin" in answer.headers.get("vary", "").lower() or origin is None


def test_answers_of_all_kinds(here: Door, issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    people = iter(issuer.token(f"user{number}") for number in range(100))
    asked(here, 200, "GET", "/health")
    asked(here, 200, "GET", "/conversations", next(people))
    asked(here, 401, "GET", "/conversations", "nonsense")
    asked(here, 404, "GET", "/nothing", next(people))
    asked(here, 405, "PUT", "/tickets", next(people))
    asked(here, 404, "GET", "/turns/turn_x", next(people))
    asked(here, 422, "POST", "/executor/turns", next(people), {})
    often = next(people)
    asked(here, 201, "POST", "/tickets", often)
    asked(here, 429, "POST", "/tickets", often)

    def broken(*_: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(here.running.deployment.turns, "view", broken)
    asked(here, 500, "GET", "/turns/turn_x", next(people))
    answer = here.ask("GET", "/turns/turn_x", next(people))
    assert answer.body["error"]["code"] == "INTERNAL_ERROR"
    assert "fault of ours" not in answer.text


def test_a_page_asks_first(here: Door) -> None:
    ask = {"Access-Control-Request-Method": "POST"}
    for headers in ("authorization,content-type", "idempotency-key", "prefer"):
        wanted = {**ask, "Access-Control-Request-Headers": headers}
        for origin in (OURS, ALSO):
            answer = here.ask("OPTIONS", "/executor/turns", headers={**wanted, "Origin": origin})
            assert (answer.status, allowed(answer)) == (200, origin)
            assert "POST" in answer.headers["access-control-allow-methods"]
            assert "*" not in answer.headers["access-control-allow-headers"]
        for origin in (THEIRS, *NEAR):
            answer = here.ask("OPTIONS", "/executor/turns", headers={**wanted, "Origin": origin})
            assert (answer.status, allowed(answer)) == (400, None)


@pytest.mark.parametrize("name", ["X-On-Behalf-Of", "X-Other", "Cookie"])
def test_what_no_page_may_send(here: Door, name: str) -> None:
    headers = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": name}
    assert here.ask("OPTIONS", "/tickets", headers={**headers, "Origin": OURS}).status == 400


def test_what_a_page_may_read_beside_the_body(here: Door, issuer: Issuer) -> None:
    answer = here.ask("GET", "/conversations", issuer.token(), None, {"Origin": OURS})
    exposed = answer.headers["access-control-expose-headers"].lower()
    assert {name.strip() for name in exposed.split(",")} >= {"location", "link", "retry-after"}


def test_without_the_setting_no_page_may_call(tmp_path: Path, clock: Later) -> None:
    issuer = with_secret(clock)
    with door(tmp_path, issuer, clock) as here:
        answer = here.ask("GET", "/health", headers={"Origin": OURS})
        assert (answer.status, allowed(answer)) == (200, None)
        preflight = {"Origin": OURS, "Access-Control-Request-Method": "POST"}
        answer = here.ask("OPTIONS", "/tickets", headers=preflight)
        assert (answer.status, allowed(answer)) == (401, None)
