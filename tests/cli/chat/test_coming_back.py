"""A turn waits for a person, and the connection or its credential is lost."""

from contextlib import closing
from pathlib import Path

import pytest

from shared.cli.chat.connection import Patience
from shared.cli.chat.events import Finished, Unattended
from shared.cli.chat.session import Session
from shared.cli.chat.turn import MAX_RENEWALS
from tests.cli.chat.chatting import chatting, texts
from tests.cli.chat.person import ScriptedPerson, asking, lines, notices
from tests.cli.chat.prompting import (
    DESCRIPTION,
    LATER,
    Approvals,
    Pending,
    approval_prompt,
    taken,
)
from tests.cli.chat.scripted_server import Frame, Peer, ScriptedServer
from tests.cli.chat.test_renewals import Guard, Talk
from tests.support.gateway import PATIENCE


class Broken(Approvals):
    """Waits for an approval, and after the connection was lost says that the turn stands so."""

    def __init__(self, status: str = "awaiting_approval", until: str = LATER) -> None:
        super().__init__(send_message=self._twice, resume_turn=self.resume)
        self._status = status
        self._until = until
        self._sent = 0

    def _twice(self, peer: Peer, frame: Frame) -> None:
        self._sent += 1
        self.turn.begin(peer, frame)
        if self._sent == 1:
            self.turn.approval()

    def resume(self, peer: Peer, frame: Frame) -> None:
        if self._status == "awaiting_approval":
            prompt = approval_prompt(self.turn, until=self._until)
            self.turn.back(peer, frame, self._status, prompt=prompt)
        else:
            self.turn.back(peer, frame, self._status)
            self.turn.decided_elsewhere()


def test_the_question_comes_back_with_the_connection() -> None:
    broken = Broken()
    with asking(broken.server, broken.turn.hang_up, "y") as (session, person, _):
        said = []
        for event in session.say("Refund 42"):
            assert person.shown is None, "something is shown while the question stands"
            said.append(event)

    assert sum("An approval is needed" in line for line in lines(said)) == 1
    first, second = person.asked
    assert first.label == second.label
    assert (second.expires_at or 0) > (first.expires_at or 0)
    assert [each["approved"] for each in broken.decisions()] == [True]
    assert isinstance(said[-1], Finished)


def test_a_question_that_was_answered_meanwhile_does_not_come_back() -> None:
    broken = Broken("running")
    with asking(broken.server, broken.turn.hang_up) as (session, person, _):
        said = list(session.say("Refund 42"))

    assert len(person.asked) == 1
    assert any("decided elsewhere" in notice for notice in notices(said))
    assert isinstance(said[-1], Finished)


def test_a_prompt_that_came_while_nobody_was_connected_is_asked() -> None:
    def send(peer: Peer, frame: Frame) -> None:
        broken.turn.begin(peer, frame)
        sent.append(frame)
        if len(sent) == 1:
            peer.hang_up()

    def resume(peer: Peer, frame: Frame) -> None:
        prompt = approval_prompt(broken.turn)
        broken.turn.back(peer, frame, "awaiting_approval", prompt=prompt)

    sent: list[Frame] = []
    broken = Approvals(send_message=send, resume_turn=resume)
    with asking(broken.server, "n") as (session, _, _):
        said = list(session.say("Refund 42"))

    assert lines(said)[:2] == [f"An approval is needed: {DESCRIPTION}", '  id: "42"']
    assert [each["approvalId"] for each in broken.decisions()] == ["approval_1"]


def test_nobody_to_ask_when_the_connection_is_back() -> None:
    broken = Broken()

    def send(peer: Peer, frame: Frame) -> None:
        broken.turn.begin(peer, frame)
        sent.append(frame)
        if len(sent) == 1:
            peer.hang_up()

    sent: list[Frame] = []
    broken.server.handle("send_message", send)
    with chatting(broken.server) as (session, _):
        said = list(session.say("Refund 42"))

    assert said[-1] == Unattended(DESCRIPTION, "approval_1", conversation="fresh")


def test_a_prompt_that_comes_again_is_asked_though_the_server_does_not_say_how_it_goes_on() -> None:
    def send(peer: Peer, frame: Frame) -> None:
        broken.turn.begin(peer, frame)
        broken.turn.approval()

    broken = Approvals(send_message=send)
    with asking(broken.server, broken.turn.hang_up, "y") as (session, _, _):
        said = list(session.say("Refund 42"))

    assert [each["approvalId"] for each in broken.decisions()] == ["approval_1"]
    assert "Approved." in notices(said)
    assert isinstance(said[-1], Finished)


@pytest.mark.parametrize("answers", [True, False])
def test_a_server_that_does_not_say_how_it_goes_on_is_asked_again(answers: bool) -> None:
    def send(peer: Peer, frame: Frame) -> None:
        sent.append(frame)
        turn.begin(peer, frame)
        if len(sent) == 1:
            peer.token(frame, "Half")
            peer.hang_up()

    def resume(peer: Peer, frame: Frame) -> None:
        asked.append(frame)
        if answers and len(asked) == 2:
            peer.answer(frame, {"status": "running", "begin": 4, "text": " of it"})
            turn.finish("Half of it")
        if len(asked) == 3:
            turn.finish("Half of it")

    sent: list[Frame] = []
    asked: list[Frame] = []
    turn = Pending()
    hasty = Patience(opening=PATIENCE, answer=0.3, pause=0.01, longest_pause=0.02)
    with chatting(ScriptedServer(send_message=send, resume_turn=resume)) as (session, client):
        client.patience = hasty
        said = list(session.say("Hello"))

    assert len(asked) == (2 if answers else 3)
    assert texts(said) == (["Half", " of it"] if answers else ["Half"])
    assert isinstance(said[-1], Finished)


def test_a_decision_that_was_lost_is_sent_again() -> None:
    def confirm(peer: Peer, frame: Frame) -> None:
        decisions.append(frame)
        if len(decisions) == 1:
            peer.hang_up()
        else:
            taken(peer, frame)
            broken.turn.decided_elsewhere()

    decisions: list[Frame] = []
    broken = Broken()
    broken.server.handle("confirm_tool_action", confirm)
    with asking(broken.server, "y") as (session, person, _):
        said = list(session.say("Refund 42"))

    assert decisions[0] == decisions[1]
    assert len(person.asked) == 1
    assert "Approved." in notices(said)


def test_a_decision_that_arrived_though_the_connection_was_lost_is_not() -> None:
    decisions: list[Frame] = []

    def confirm(peer: Peer, frame: Frame) -> None:
        decisions.append(frame)
        peer.hang_up()

    broken = Broken("running")
    broken.server.handle("confirm_tool_action", confirm)
    with asking(broken.server, "y") as (session, _, _):
        said = list(session.say("Refund 42"))

    assert len(decisions) == 1
    assert not any("decided elsewhere" in notice for notice in notices(said))
    assert isinstance(said[-1], Finished)


def test_a_credential_that_runs_out_before_the_decision(tmp_path: Path) -> None:
    guard = Guard()
    broken = Broken()
    broken.server.handle("authenticate", guard.authenticate)
    broken.server.handle("confirm_tool_action", guard(broken.confirm))
    talk = Talk(tmp_path, broken.server)
    with broken.server, closing(talk.client) as client:
        person = ScriptedPerson(client, "y")
        session = Session(client, "assistant", person)
        session.begin()
        guard.expired = True
        said = list(session.say("Refund 42"))

    first, second = broken.decisions()
    assert first == second
    assert any("expired; renewed" in notice for notice in notices(said))
    assert notices(said)[-1] == "Approved."
    assert len(person.asked) == 1


def test_a_credential_may_run_out_as_often_as_it_likes_while_a_question_stands(
    tmp_path: Path,
) -> None:
    def expire() -> None:
        guard.expired = True
        assert broken.turn.peer is not None
        broken.turn.peer.refuse({"requestId": None}, "AUTH_EXPIRED")

    guard = Guard()
    broken = Broken()
    broken.server.handle("authenticate", guard.authenticate)
    talk = Talk(tmp_path, broken.server)
    with broken.server, closing(talk.client) as client:
        person = ScriptedPerson(client, *[expire] * (MAX_RENEWALS + 1), "y")
        session = Session(client, "assistant", person)
        session.begin()
        said = list(session.say("Refund 42"))

    assert len([each for each in notices(said) if "renewed" in each]) == MAX_RENEWALS + 1
    assert isinstance(said[-1], Finished)
