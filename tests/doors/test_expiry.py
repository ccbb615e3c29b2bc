"""A connection whose credential runs out, and what a fresh one brings back."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.doors.door import Door, code, door
from tests.doors.issuers import Issuer
from tests.scenarios.clocks import Later
from tests.scenarios.gates import GatedTokens, Gates
from tests.support.frames_client import TERMINAL, Event, FramesClient, streamed, text_of
from tests.support.messages_api import ScriptedMessagesApi, Step

LIFE, GRACE = 100, 20
OVER = LIFE + GRACE + 1
SETTINGS = {
    "AUTH_GRACE_SEC": str(GRACE),
    # The wall clock jumps; whoever works keeps its mailbox all the same.
    "LEASE_SEC": "900",
}


@dataclass
class Talk:
    """Two connections of ann's in one session, and a turn that waits at a gate."""

    here: Door
    issuer: Issuer
    gates: Gates
    one: FramesClient
    two: FramesClient
    session: str

    def begin(self) -> None:
        """The turn q3 has begun; both have the first piece of it."""
        self.one.send_message(self.session, "q3", "Three")
        assert self.one.next("q3")["status"] == 202
        for each in (self.one, self.two):
            assert each.next("q3", tokens=True)["data"]["token"] == "Hel"

    def open(self, gate: str) -> None:
        self.gates.of(gate).open()

    def fresh(self, user: str = "ann") -> str:
        return self.issuer.token(user, exp=self.issuer.now + 10 * LIFE)

    def again(self) -> Event:
        """Ask for the turn again; how that is answered first."""
        self.one.send_message(self.session, "q3", "Three")
        return self.one.next("q3")


@contextmanager
def talk(folder: Path, issuer: Issuer, clock: Later) -> Iterator[Talk]:
    with Gates() as gates:
        parts = ["Hel", {"gate": "first"}, "lo", {"gate": "second"}, " there"]
        steps = [
            Step(tokens=["One"]),
            Step(tokens=["Two"]),
            Step(tokens=GatedTokens(parts, gates)),
        ]
        with (
            ScriptedMessagesApi(steps) as api,
            door(folder, issuer, clock, api.base_url, **SETTINGS) as here,
            here.client(token=issuer.token(exp=issuer.now + LIFE)) as one,
            here.client(token=issuer.token(exp=issuer.now + 10 * LIFE)) as two,
        ):
            session = one.open_session()["sessionId"]
            one.say(session, "q1", "One")
            two.say(session, "q2", "Two")
            one.terminal("q2")
            yield Talk(here, issuer, gates, one, two, session)


@pytest.fixture
def talking(tmp_path: Path, issuer: Issuer, clock: Later) -> Iterator[Talk]:
    with talk(tmp_path, issuer, clock) as made:
        yield made


def ends(client: FramesClient, request_id: str) -> list[str]:
    """The terminal events of that request, as they came."""
    return [
        raw
        for raw, event in zip(client.raw, client.received, strict=True)
        if event.get("requestId") == request_id and event["type"] in TERMINAL
    ]


def expiries(client: FramesClient) -> list[Event]:
    """What told it, without a request, that its credential has run out."""
    return [
        event
        for event in client.received
        if event["type"] == "error" and event.get("requestId") is None
    ]


def test_frames_after_the_grace(here: Door, issuer: Issuer) -> None:
    with here.client(token=issuer.token()) as client:
        session = client.open_session()["sessionId"]
        here.clock.put_forward(600 + 20)
        assert client.ask("get_session", sessionId=session)["status"] == 200
        here.clock.put_forward(41)
        before = here.stored()
        for action, fields in {
            "create_conversation_session": {"agentId": "assistant"},
            "get_session": {"sessionId": session},
            "get_conversation_messages": {"sessionId": session},
            "list_conversations": {},
            "rename_conversation": {"conversationId": session, "title": "T"},
            "send_message": {"sessionId": session, "message": "Hi"},
        }.items():
            answer = client.ask(action, **fields)
            assert (action, code(answer)) == (action, "AUTH_EXPIRED")
            assert "authenticate" in answer["error"]["message"]
        assert client.ask("ping")["type"] == "pong"
        assert here.stored() == before
        assert client.ask("authenticate", token=issuer.token())["status"] == 200
        assert client.ask("get_session", sessionId=session)["status"] == 200


def test_a_running_turn_stops_at_that_connection_alone(talking: Talk) -> None:
    one, two = talking.one, talking.two
    talking.begin()
    talking.here.clock.put_forward(OVER)
    talking.open("first")
    assert code(one.next(None)) == "AUTH_EXPIRED"
    talking.open("second")
    assert text_of(two.terminal("q3")) == "Hello there"
    talking.here.running.settle()
    one.read_all()
    assert len(expiries(one)) == 1
    assert (streamed(one.received, "q3"), ends(one, "q3")) == ("Hel", [])
    assert code(talking.again()) == "AUTH_EXPIRED"

    assert code(one.ask("authenticate", token=talking.fresh("bob"))) == "UNAUTHORIZED"
    assert code(talking.again()) == "AUTH_EXPIRED"
    answer = one.ask("authenticate", token=talking.fresh())
    assert set(answer["data"]) == {"expiresAt"}
    repeated = talking.again()
    assert (repeated["status"], repeated["data"]) == (202, {"duplicate": True})
    assert text_of(one.terminal("q3")) == "Hello there"
    one.read_all()
    refused = [raw for raw in ends(one, "q3") if "AUTH_EXPIRED" in raw]
    assert len(refused) == 2
    assert [raw for raw in ends(one, "q3") if raw not in refused] == ends(two, "q3")


@pytest.mark.parametrize("with_ticket", [False, True])
def test_a_turn_that_still_runs_is_taken_up_again(talking: Talk, with_ticket: bool) -> None:
    one = talking.one
    talking.begin()
    talking.here.clock.put_forward(OVER)
    talking.open("first")
    assert code(one.next(None)) == "AUTH_EXPIRED"
    fresh = talking.fresh()
    given = {"ticket": talking.here.ticket(fresh)} if with_ticket else {"token": fresh}
    assert one.ask("authenticate", **given)["status"] == 200
    assert talking.again()["status"] == 202
    talking.open("second")
    assert text_of(one.terminal("q3")) == "Hello there"
    talking.here.running.settle()
    one.read_all()
    talking.two.read_all()
    assert ends(one, "q3") == ends(talking.two, "q3")
    assert len(ends(one, "q3")) == len(expiries(one)) == 1
    # The next turn of the session streams to it as ever.
    assert talking.one.ask("get_session", sessionId=talking.session)["status"] == 200


def test_who_renews_in_time_misses_nothing(talking: Talk) -> None:
    one = talking.one
    talking.begin()
    talking.here.clock.put_forward(LIFE + GRACE / 2)
    assert one.ask("authenticate", token=talking.fresh())["status"] == 200
    talking.open("first")
    assert one.next("q3", tokens=True)["data"]["token"] == "lo"
    talking.here.clock.put_forward(OVER)
    talking.open("second")
    assert text_of(one.terminal("q3")) == streamed(one.received, "q3") == "Hello there"
    assert expiries(one) == []
    assert expiries(talking.two) == []


def test_somebody_elses_credential_changes_nothing(here: Door, issuer: Issuer) -> None:
    with here.client(token=issuer.token(roles=["admin"])) as client:
        client.read_all()
        before = here.stored()
        for stranger in (issuer.token("bob"), issuer.token("ann", tenant="other")):
            assert code(client.ask("authenticate", token=stranger)) == "UNAUTHORIZED"
            ticket = here.ticket(stranger)
            after_ticket = here.stored()
            assert code(client.ask("authenticate", ticket=ticket)) == "UNAUTHORIZED"
            assert here.stored() == after_ticket
        assert {key: here.stored()[key] for key in before} == before


def test_roles_are_those_of_the_new_token(here: Door, issuer: Issuer) -> None:
    with here.client(token=issuer.token(roles=["admin"])) as client:
        assert client.ask("authenticate", token=issuer.token())["status"] == 200
        [stored] = here.stored().values()
        assert "admin" not in str(stored)
