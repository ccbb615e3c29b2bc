"""The HTTP API around its routes: who may in, and what every refusal looks like."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.web.site import SECRET, TOKEN, Answer, Site, site_in

OPEN = ["/health", "/docs", "/openapi.json"]


def refused(answer: Answer, status: int, code: str) -> Any:
    """The error of a refusal, whose shape is the same everywhere."""
    assert answer.status == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.body
    assert set(body) == {"error", "detail"}
    error = body["error"]
    assert set(error) == {"code", "message", "retryable", "details"}
    assert error["code"] == code
    assert body["detail"] == error["message"]
    assert error["message"]
    return error


# -- open to everybody --------------------------------------------------------------------------


def test_health_says_what_it_is_and_no_secret(tmp_path: Path) -> None:
    with site_in(tmp_path, ANTHROPIC_API_KEY="sk-a-key-that-nobody-may-see") as site:
        answer = site.ask("GET", "/health", token=None)
    assert answer.status == 200
    body = answer.body
    assert set(body) == {"status", "version", "mode", "storage", "auth", "backend"}
    assert (body["status"], body["mode"]) == ("ok", "executor")
    assert (body["storage"], body["auth"], body["backend"]) == ("sqlite", "token", "none")
    for secret in (TOKEN, SECRET, "sk-a-key", str(tmp_path)):
        assert secret not in answer.text


@pytest.mark.parametrize("path", OPEN)
def test_open_routes_ask_for_nothing(site: Site, path: str) -> None:
    assert site.ask("GET", path, token=None).status == 200


def test_the_schema_names_every_route_and_its_errors(site: Site) -> None:
    schema = site.ask("GET", "/openapi.json", token=None).body
    assert set(schema["paths"]) == {
        *("/health", "/tickets", "/executor/turns", "/turns/{turn_id}", "/turns/{turn_id}/cancel"),
        *("/conversations", "/conversations/{conversation_id}", "/approvals"),
        *("/conversations/{conversation_id}/end", "/conversations/{conversation_id}/messages"),
        *("/uploads", "/conversations/{conversation_id}/files"),
        "/conversations/{conversation_id}/files/{path}",
        *("/approvals/{approval_id}", "/agents", "/agents/{agent_id}"),
        *("/deliveries", "/deliveries/{delivery_id}/replay", "/usage"),
        *("/conversations/{conversation_id}/export", "/deletions/{deletion_id}"),
        *("/users/{user}/data", "/tenants/{tenant}/data"),
    }
    responses = schema["paths"]["/executor/turns"]["post"]["responses"]
    assert {"200", "202", "401", "404", "409", "422", "429", "500", "502", "504"} <= set(responses)
    assert responses["404"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/ErrorBody"
    }


# -- credentials --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *[("POST", "/tickets"), ("POST", "/executor/turns"), ("GET", "/turns/turn_x")],
        *[("POST", "/turns/turn_x/cancel"), ("GET", "/conversations"), ("POST", "/approvals/x")],
        *[("GET", "/agents"), ("GET", "/agents/x"), ("GET", "/deliveries"), ("GET", "/usage")],
        ("POST", "/deliveries/x/replay"),
        *[("DELETE", "/conversations/x"), ("GET", "/conversations/x/export")],
        *[("DELETE", "/users/x/data"), ("DELETE", "/tenants/x/data"), ("GET", "/deletions/x")],
        ("POST", "/uploads"),
        ("GET", "/conversations/00000000-0000-4000-8000-000000000000/files"),
        ("GET", "/conversations/00000000-0000-4000-8000-000000000000/files/a.txt"),
        ("GET", "/conversations/00000000-0000-4000-8000-000000000000"),
        ("POST", "/conversations/00000000-0000-4000-8000-000000000000/end"),
        ("GET", "/conversations/00000000-0000-4000-8000-000000000000/messages"),
    ],
)
@pytest.mark.parametrize(
    "credential", [None, "wrong", "", TOKEN[:-1], TOKEN + "x", f"{TOKEN} {TOKEN}"]
)
def test_without_the_token_nothing_is_done(
    site: Site, method: str, path: str, credential: str | None
) -> None:
    answer = site.ask(method, path, {}, token=credential)
    error = refused(answer, 401, "UNAUTHORIZED")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert not error["retryable"]
    assert "bearer" not in error["message"].lower()


@pytest.mark.parametrize("scheme", ["Basic", "Token", ""])
def test_only_bearer_counts(site: Site, scheme: str) -> None:
    answer = site.ask("POST", "/tickets", {}, token=None, authorization=f"{scheme} {TOKEN}")
    refused(answer, 401, "UNAUTHORIZED")


@pytest.mark.parametrize("person", ["", " ", "service", "a" * 129, "a\tb"])
def test_a_person_must_have_a_name(site: Site, person: str) -> None:
    refused(site.ask("POST", "/tickets", {}, person=person), 422, "VALIDATION_ERROR")


# -- tickets ------------------------------------------------------------------------------------


def test_a_ticket_opens_one_connection_as_the_caller(site: Site) -> None:
    answer = site.ask("POST", "/tickets", {}, person="ann")
    assert answer.status == 201
    assert set(answer.body) == {"ticket", "expires_at"}
    assert answer.headers["cache-control"] == "no-store"
    ticket = answer.body["ticket"]
    admission = site.deployment.admission
    assert admission.connect("c1", {"ticket": ticket}, {}) == 200
    assert admission.connect("c2", {"ticket": ticket}, {}) == 401
    connection = site.deployment.connections.get("c1")
    assert connection is not None
    assert (connection.principal.user, connection.principal.tenant) == ("ann", "default")


def test_the_same_key_is_the_same_ticket(site: Site) -> None:
    first = site.ask("POST", "/tickets", {}, Idempotency_Key="k").body
    again = site.ask("POST", "/tickets", {}, Idempotency_Key="k").body
    other = site.ask("POST", "/tickets", {}, Idempotency_Key="k2").body
    theirs = site.ask("POST", "/tickets", {}, person="ann", Idempotency_Key="k").body
    assert first == again
    assert len({first["ticket"], other["ticket"], theirs["ticket"]}) == 3


def test_a_ticket_ends_after_a_minute(site: Site) -> None:
    ticket = site.ask("POST", "/tickets").body["ticket"]
    site.clock.advance(60)
    assert site.deployment.admission.connect("c1", {"ticket": ticket}, {}) == 401


# -- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/nothing", "/health/", "/turns", "/executor", "/%00"])
def test_an_unknown_route(site: Site, path: str) -> None:
    refused(site.ask("GET", path), 404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/executor/turns"), ("DELETE", "/health"), ("PUT", "/tickets")]
)
def test_a_method_that_a_route_does_not_have(site: Site, method: str, path: str) -> None:
    answer = site.ask(method, path)
    refused(answer, 405, "METHOD_NOT_ALLOWED")
    assert answer.headers["allow"]


def faults(answer: Answer) -> list[str]:
    error = refused(answer, 422, "VALIDATION_ERROR")
    return [fault["path"] for fault in error["details"]["faults"]]


@pytest.mark.parametrize("text", [b"{", b"", b"nonsense", b"\x00", b"[1", b'{"agent_id": NaN}'])
def test_what_is_not_json(site: Site, text: bytes) -> None:
    paths = faults(site.ask("POST", "/executor/turns", text))
    assert all(path.startswith("body") for path in paths)


def test_what_is_said_of_a_body_as_a_whole(site: Site) -> None:
    for text, said in (
        (b"{", "body.1: is not valid JSON"),
        (b"", "body: is missing; add it"),
        (b"[]", "body: must be an object"),
    ):
        answer = site.ask("POST", "/executor/turns", text)
        assert refused(answer, 422, "VALIDATION_ERROR")["message"] == said


@pytest.mark.parametrize("body", [[], "text", 1, None, True])
def test_json_that_is_no_object(site: Site, body: Any) -> None:
    faults(site.ask("POST", "/executor/turns", json.dumps(body).encode()))


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"message": ""}, "body.message"),
        ({"message": " \n\t\u2003"}, "body.message"),
        ({"message": None}, "body.message"),
        ({"message": "x" * 10_001}, "body.message"),
        ({"message": ["x"]}, "body.message"),
        ({"agent_id": ""}, "body.agent_id"),
        ({"agent_id": "x" * 129}, "body.agent_id"),
        ({"wait": -1}, "body.wait"),
        ({"wait": 901}, "body.wait"),
        ({"wait": "soon"}, "body.wait"),
        ({"session_id": "x" * 65}, "body.session_id"),
        ({"surprise": 1}, "body.surprise"),
    ],
)
def test_each_fault_is_named_and_not_repeated(site: Site, wrong: dict[str, Any], path: str) -> None:
    body = {"agent_id": "assistant", "message": "Hi", **wrong}
    answer = site.ask("POST", "/executor/turns", body)
    assert path in faults(answer)
    assert "x" * 65 not in answer.text
    assert site.wakes.queued == []


def test_all_faults_are_named_at_once(site: Site) -> None:
    answer = site.ask("POST", "/executor/turns", {"wait": -1, "extra": 1})
    paths = {"body.agent_id", "body.message", "body.wait", "body.extra"}
    assert set(faults(answer)) == paths


@pytest.mark.parametrize(
    "empty",
    [
        *({"model": None}, {"skill": None}, {"dynamic_variables": {}}, {"dynamic_variables": None}),
        *({"overrides": {}}, {"overrides": None}, {"overrides": {"greeting": None}}),
    ],
)
def test_an_empty_field_asks_for_nothing(site: Site, empty: dict[str, Any]) -> None:
    assert site.turn(**empty).status == 200


def test_a_huge_body_is_refused(site: Site) -> None:
    answer = site.turn("x" * 3_000_000)
    assert answer.status in (413, 422)
    assert len(answer.text) < 10_000


@pytest.mark.parametrize("key", ["", "k" * 256])
def test_an_idempotency_key_has_a_length(site: Site, key: str) -> None:
    answer = site.turn(Idempotency_Key=key)
    assert answer.status == 422


def test_half_a_character_does_no_harm(site: Site) -> None:
    answer = site.ask(
        "POST", "/executor/turns", b'{"agent_id": "assistant", "message": "\\ud800 half"}'
    )
    assert answer.status in (200, 422), answer.text


def test_our_own_faults_are_not_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("secret words")

    monkeypatch.setattr(site.deployment.turns, "view", broken)
    answer = site.ask("GET", "/turns/turn_x")
    error = refused(answer, 500, "INTERNAL_ERROR")
    assert error["retryable"]
    assert "secret" not in answer.text


# -- browsers -----------------------------------------------------------------------------------


def test_a_page_may_call_only_if_its_origin_is_listed(tmp_path: Path) -> None:
    with site_in(tmp_path, CORS_ORIGINS="https://app.example.com") as site:
        ours = site.ask("GET", "/health", origin="https://app.example.com")
        theirs = site.ask("GET", "/health", origin="https://evil.example.com")
        assert ours.headers["access-control-allow-origin"] == "https://app.example.com"
        assert "access-control-allow-origin" not in theirs.headers


def test_an_open_laptop_answers_to_its_own_names_only(tmp_path: Path) -> None:
    """A page of another site may point its own name at 127.0.0.1."""
    with site_in(tmp_path, AUTH_MODE="none") as site:
        assert site.ask("GET", "/health", token=None, host="localhost:8787").status == 200
        rebound = site.ask("GET", "/health", token=None, host="evil.example.com")
        assert rebound.status == 400
