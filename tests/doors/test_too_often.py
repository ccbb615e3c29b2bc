"""People and addresses that ask too often, at every door."""

from pathlib import Path

import pytest

from tests.doors.door import NOBODY, Answer, Door, code, door
from tests.doors.issuers import Issuer
from tests.scenarios.clocks import Later
from tests.support.deployments import SERVICE_TOKEN, TOKEN, local_set
from tests.support.frames_client import Event

LIMIT = 6
PERSON = {"RATE_LIMIT_PRINCIPAL_PER_MINUTE": str(LIMIT)}
ADDRESS = {"RATE_LIMIT_ADDRESS_PER_MINUTE": str(LIMIT)}


def limited(answer: Answer) -> int:
    """Seconds to wait, as a refused request says."""
    assert answer.status == 429, answer
    error = answer.body["error"]
    assert (error["code"], error["retryable"]) == ("RATE_LIMITED", True)
    seconds = int(answer.headers["retry-after"])
    assert error["details"] == {"retryAfter": seconds}
    assert 1 <= seconds <= 60
    return seconds


def told(event: Event) -> int:
    """The same of a refused frame."""
    assert code(event) == "RATE_LIMITED"
    seconds: int = event["data"]["details"]["retryAfter"]
    assert 1 <= seconds <= 60
    return seconds


def test_a_person_over_connections_and_http_together(
    tmp_path: Path, issuer: Issuer, clock: Later
) -> None:
    with door(tmp_path, issuer, clock, **PERSON) as here:
        token = issuer.token(exp=issuer.now + 600)
        with here.client(token=token) as one, here.client(token=token) as two:
            assert one.ask("ping")["type"] == two.ask("ping")["type"] == "pong"
            for _ in range(LIMIT - 4):
                assert here.ask("GET", "/conversations", token).status == 200
            wait = limited(here.ask("GET", "/conversations", token))
            told(one.ask("ping"))
            told(two.ask("list_conversations"))
            told(two.ask("send_message", sessionId="x", message="Hi"))
            assert here.knock(token=token).status == 429
            limited(here.ask("POST", "/tickets", token))
            # Somebody else, and the same name in another tenant.
            assert here.ask("GET", "/conversations", issuer.token("bob")).status == 200
            assert here.ask("GET", "/conversations", issuer.token(tenant="other")).status == 200
            here.clock.put_forward(wait)
            assert one.ask("ping")["type"] == two.ask("ping")["type"] == "pong"
            assert here.ask("GET", "/conversations", token).status == 200


def test_what_is_refused_uses_nothing_up(tmp_path: Path, issuer: Issuer, clock: Later) -> None:
    settings = {**PERSON, "AUTH_JWT_SINGLE_USE": "true"}
    with door(tmp_path, issuer, clock, **settings) as here:
        token, ticket = issuer.token(), here.ticket(issuer.token())
        for _ in range(LIMIT - 1):
            here.ask("GET", "/conversations", token)
        before = here.stored()
        assert here.knock(token=token).status == 429
        assert here.knock(ticket=ticket).status == 429
        assert here.stored() == before


def test_bad_credentials_of_an_address(tmp_path: Path, issuer: Issuer, clock: Later) -> None:
    with door(tmp_path, issuer, clock, **ADDRESS) as here:
        for _ in range(LIMIT // 2):
            assert here.ask("GET", "/conversations", "nonsense").status == 401
            assert here.knock(ticket="nonsense").status == 401
        wait = limited(here.ask("GET", "/conversations", "nonsense"))
        limited(here.ask("POST", "/tickets"))
        for query in ({"token": "nonsense"}, {"ticket": "nonsense"}, {}):
            assert here.knock(**query).status == 429
        # A good one is told to wait at the handshake, and where it asks for a ticket to one.
        assert here.knock(token=issuer.token()).status == 429
        limited(here.ask("POST", "/tickets", issuer.token()))
        assert here.ask("GET", "/conversations", issuer.token()).status == 200
        here.clock.put_forward(wait)
        assert here.knock(ticket="nonsense").status == 401
        assert here.knock(token=issuer.token()).status == 101


def test_handshakes_of_an_address(tmp_path: Path, issuer: Issuer, clock: Later) -> None:
    with door(tmp_path, issuer, clock, **ADDRESS) as here:
        for number in range(LIMIT):
            assert here.knock(token=issuer.token(f"user{number}")).status == 101
        assert here.knock(token=issuer.token("another")).status == 429
        assert "another" not in str(here.stored())


def test_tickets_of_an_address(tmp_path: Path, issuer: Issuer, clock: Later) -> None:
    with door(tmp_path, issuer, clock, **ADDRESS) as here:
        for number in range(LIMIT):
            assert here.ask("POST", "/tickets", issuer.token(f"user{number}")).status == 201
        limited(here.ask("POST", "/tickets", issuer.token("another")))


def test_a_service_gets_tickets_for_as_many_people_as_it_likes(
    tmp_path: Path, clock: Later
) -> None:
    with local_set(tmp_path, NOBODY, {**TOKEN, **ADDRESS}, clock) as running:
        here = Door(running, tmp_path, clock)
        for number in range(LIMIT + 2):
            named = {"X-On-Behalf-Of": f"user{number}"}
            assert here.ask("POST", "/tickets", SERVICE_TOKEN, None, named).status == 201


@pytest.mark.parametrize("person", [None, "ann"])
def test_a_service_is_not_counted_and_people_that_it_names_are(
    tmp_path: Path, clock: Later, person: str | None
) -> None:
    with local_set(tmp_path, NOBODY, {**TOKEN, **PERSON}, clock) as running:
        here = Door(running, tmp_path, clock)
        named = {} if person is None else {"X-On-Behalf-Of": person}
        statuses = [
            here.ask("GET", "/conversations", SERVICE_TOKEN, None, named).status
            for _ in range(LIMIT + 2)
        ]
        assert statuses[:LIMIT] == [200] * LIMIT
        assert set(statuses[LIMIT:]) == ({200} if person is None else {429})


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        ("2001:db8::1", "2001:db8::2:3", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("192.0.2.1", "192.0.2.2", False),
    ],
)
def test_addresses_that_count_as_one(
    tmp_path: Path, issuer: Issuer, clock: Later, one: str, two: str, same: bool
) -> None:
    """As $connect tells the address."""
    with door(tmp_path, issuer, clock, **ADDRESS) as here:
        admission = here.running.deployment.admission
        for number in range(LIMIT):
            assert admission.connect(f"c{number}", {"token": "nonsense"}, {}, one) == 401
        assert admission.connect("d", {"token": issuer.token()}, {}, one) == 429
        expected = 429 if same else 200
        assert admission.connect("e", {"token": issuer.token()}, {}, two) == expected
