"""Credentials of somebody else, where they are none."""

import secrets
from typing import Any
from uuid import uuid4

import jwt
import pytest

from tests.walls.people import ANN, BEA, BOB, HOUR, Person, signed_context
from tests.walls.things import ASKED
from tests.walls.town import Town
from tests.web.site import SECRET, TOKEN

FORGED = jwt.encode({"tenant": "acme", "sub": "x", "exp": 10**10}, "f" * 32, "HS256")


def ticket(town: Town, person: Person) -> str:
    given: str = town.request(person, "POST", "/tickets").body["ticket"]
    return given


def renewed(town: Town, connection: str, **credential: str) -> list[bytes]:
    """What a connection is answered that wants to go on with this credential."""
    town.push.sent.clear()
    town.send(connection, "authenticate", requestId="q", **credential)
    assert {name for name, _ in town.push.sent} == {connection}
    return [data for _, data in town.push.sent]


@pytest.mark.parametrize("person", [BEA, BOB], ids=["another tenant", "another user"])
def test_a_connection_goes_on_with_nobody_elses_credential(town: Town, person: Person) -> None:
    now = town.clock.now()
    used, unused = ticket(town, ANN), ticket(town, ANN)
    town.connect(ticket=used)
    connection = town.connect(person)
    session = town.opened(connection)["sessionId"]
    refused = renewed(town, connection, token="no token at all")
    for credential in (
        {"token": FORGED},
        {"token": ANN.token(now)},
        {"token": ANN.token(now, roles=["service"])},
        {"token": Person(ANN.tenant, BEA.user).token(now)},
        {"token": person.token(now - 2 * HOUR * 1000)},
        {"ticket": used},
        {"ticket": unused},
        {"ticket": secrets.token_urlsafe(32)},
        {"ticket": "no ticket"},
    ):
        assert renewed(town, connection, **credential) == refused, credential
    assert b"UNAUTHORIZED" in refused[0]
    # It is whose it was, and Ann's ticket is as good as ever.
    assert town.frame(connection, "get_session", sessionId=session)["status"] == 200
    assert town.knock(str(uuid4()), ticket=unused) == 200


@pytest.mark.parametrize("person", [BEA, BOB], ids=["another tenant", "another user"])
def test_a_site_vouches_for_nobody_else_on_a_connection(town: Town, person: Person) -> None:
    """The same answer for whom there is, whom there is not, and a signature of nobody."""
    now, connection = town.clock.now(), town.connect(person)
    contexts: list[dict[str, Any]] = [
        {"userId": ANN.user, "timestamp": now // 1000, "signature": "0" * 64},
        signed_context(SECRET, ANN.user, now),
        signed_context(SECRET, "noe.nobody", now),
        signed_context(SECRET, "service", now),
        signed_context(SECRET, person.user, now - 600_000),
    ]
    answers = set()
    for context in contexts:
        town.push.sent.clear()
        about = {"requestId": "q", "agentId": "assistant", "authContext": context}
        town.send(connection, "create_conversation_session", **about)
        answers.add(tuple(town.push.sent))
    assert len(answers) == 1
    assert b"AUTH_CONTEXT_INVALID" in answers.pop()[0][1]


def test_a_door_opens_to_no_used_and_no_strange_credential(town: Town) -> None:
    used = ticket(town, ANN)
    town.connect(ticket=used)
    for query in (
        {"ticket": used},
        {"ticket": secrets.token_urlsafe(32)},
        {"token": FORGED},
        {"token": TOKEN},
        {"token": ANN.token(town.clock.now()), "ticket": used},
        {},
    ):
        assert town.knock(str(uuid4()), **query) == 401, query


def test_the_service_token_of_a_tenant_is_nothing_to_another(town: Town) -> None:
    """It speaks for globex, where Ann of acme has nothing."""
    turn = town.request(ANN, "POST", "/executor/turns", ASKED).body["turn_id"]
    for person in (None, ANN.user, BEA.user):
        for method, path in (("GET", f"/turns/{turn}"), ("POST", f"/turns/{turn}/cancel")):
            assert town.ask(method, path, token=TOKEN, person=person).status == 404
    elsewhere = [town.ask("GET", "/conversations", token=each) for each in (TOKEN, "nonsense")]
    assert elsewhere[0] == elsewhere[1]
    assert elsewhere[0].status == 401


def test_a_backend_that_asks_for_one_person_sees_nothing_of_another(town: Town) -> None:
    turn = town.ask("POST", "/executor/turns", ASKED, token=TOKEN, person="bea.baker").body
    path = f"/turns/{turn['turn_id']}"
    seen = {
        person: town.ask("GET", path, token=TOKEN, person=person).status
        for person in ("bea.baker", "bea.bakes", None)
    }
    # The service itself may everything in its tenant.
    assert seen == {"bea.baker": 200, "bea.bakes": 404, None: 200}
    assert town.request(BEA, "GET", path).status == 200
