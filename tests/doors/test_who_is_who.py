"""The service token and names of others beside signed tokens; what a ticket hands on."""

from pathlib import Path

from tests.doors.door import Door, door
from tests.doors.issuers import LIFE, Issuer
from tests.doors.refusals import protected, refused
from tests.scenarios.clocks import Later
from tests.support.deployments import SERVICE_TOKEN

ON_BEHALF = "X-On-Behalf-Of"
SERVED = (
    *("/executor/", "/turns/", "/tasks/", "/approvals/", "/agents/", "/deliveries/"),
    *("/tenants/", "/deletions/"),
)


def test_the_service_token_is_for_what_programs_ask_for(here: Door) -> None:
    for method, path in protected(here):
        answer = here.ask(method, path, SERVICE_TOKEN, {})
        if path in ("/approvals", "/deliveries"):
            assert (answer.status, answer.body) == (200, [])
        elif path == "/agents":
            assert (answer.status, bool(answer.body)) == (200, True)
        elif path == "/usage":
            assert (answer.status, answer.body["total"]["turns"]) == (200, 0)
        elif path.startswith("/users/"):
            assert answer.status == 202
        elif path.startswith(SERVED):
            assert answer.status in (404, 422), (method, path)
        else:
            refused(answer)
    for near in ("/executors", "/turnsx", "/tickets/executor", "/conversations/executor/messages"):
        assert here.ask("GET", near, SERVICE_TOKEN).status in (401, 404)


def test_a_deployment_without_a_service_token_takes_none(
    tmp_path: Path, issuer: Issuer, clock: Later
) -> None:
    with door(tmp_path, issuer, clock, SERVICE_TOKEN="") as here:
        for token in (SERVICE_TOKEN, "", None):
            refused(here.ask("GET", "/turns/turn_x", token))


def test_a_bearer_of_a_signed_token_acts_for_nobody_else(here: Door, issuer: Issuer) -> None:
    for method, path in protected(here):
        for person in ("bob", "ann", ""):
            answer = here.ask(method, path, issuer.token(), {}, {ON_BEHALF: person})
            assert (answer.status, answer.body["error"]["code"]) == (403, "FORBIDDEN")
            refused(here.ask(method, path, "nonsense", {}, {ON_BEHALF: person}))
    service = issuer.token("service", roles=["service"])
    assert here.ask("GET", "/conversations", service, None, {ON_BEHALF: "bob"}).status == 403


def test_a_service_acts_for_whom_it_names(here: Door) -> None:
    for person, status in (("bob", 404), ("", 422), ("service", 422), ("a" * 129, 422)):
        answer = here.ask("GET", "/turns/turn_x", SERVICE_TOKEN, None, {ON_BEHALF: person})
        assert answer.status == status, person


def test_a_ticket_admits_for_as_long_as_its_token_would(here: Door, issuer: Issuer) -> None:
    token = issuer.token(roles=["admin"], email="ann@example.com")
    ticket = here.ticket(token)
    here.clock.put_forward(30)
    with here.client(ticket=ticket) as client:
        expires = client.ask("authenticate", ticket=here.ticket(token))["data"]["expiresAt"]
        asked = client.ask("authenticate", token=token)["data"]["expiresAt"]
        assert expires == asked
        [stored] = [each for key, each in here.stored().items() if key.startswith("CONN#")]
        assert "ann@example.com" in str(stored)
        here.clock.put_forward(LIFE - 35)
        assert client.ask("list_conversations")["status"] == 200
        here.clock.put_forward(70)
        assert client.ask("list_conversations")["error"]["code"] == "AUTH_EXPIRED"
