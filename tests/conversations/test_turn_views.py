"""How a turn stands, for its owner; for everybody else it does not exist."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.conversations.items import Session, turn_id
from shared.errors import ConflictError, NotFound, TurnFailed, ValidationError
from shared.identity.principal import Principal
from shared.ids import pack
from shared.mailbox.box import Job
from shared.models.port import Usage
from shared.runner.events import Reply
from tests.conversations.pieces import ANNA, BEN, SERVICE, STRANGER, Pieces, pieces_in

COST = Usage(input_tokens=1, output_tokens=2, cost_nano_usd=None)
YES = Reply(text="Yes.", said="Yes.", usage=COST, stop_reason="end_turn")
WIRE_COST = {"promptTokens": 1, "completionTokens": 2}


@pytest.fixture
def pieces(tmp_path: Path) -> Iterator[Pieces]:
    with pieces_in(tmp_path, backlog=2) as made:
        yield made


def known_as(session: Session, job: Job) -> str:
    return turn_id(session.conversation, job.ref)


def test_a_turn_is_queued_then_runs_then_has_its_reply(pieces: Pieces) -> None:
    session = pieces.session()
    job = pieces.ask(session, "r1")
    name = known_as(session, job)
    queued = pieces.turns.view(ANNA, name)
    assert (queued.id, queued.session, queued.status) == (name, session.id, "queued")
    assert (queued.done, queued.text, queued.usage, queued.error) == (False, "", None, None)

    lease = pieces.take(session)
    assert pieces.turns.view(ANNA, name).status == "running"

    pieces.end(lease, job, pieces.endings.completed(job, YES))
    for _ in range(2):
        view = pieces.turns.view(ANNA, name)
        assert (view.status, view.text, view.usage) == ("completed", "Yes.", WIRE_COST)
        assert (view.done, view.error) == (True, None)
        if pieces.box(session.box).jobs:
            pieces.pop(lease)


def test_only_the_head_of_the_mailbox_runs(pieces: Pieces) -> None:
    session = pieces.session()
    first, second = pieces.ask(session, "r1"), pieces.ask(session, "r2")
    lease = pieces.take(session)

    def statuses() -> list[str]:
        names = (known_as(session, first), known_as(session, second))
        return [pieces.turns.view(ANNA, name).status for name in names]

    assert statuses() == ["running", "queued"]
    pieces.end(lease, first, pieces.endings.cancelled(first, COST, at_head=True))
    assert statuses() == ["cancelled", "queued"]
    pieces.pop(lease)
    assert statuses() == ["cancelled", "running"]


def test_a_failed_turn_shows_its_error(pieces: Pieces) -> None:
    session = pieces.session()
    job = pieces.ask(session, "r1")
    fault = TurnFailed("The turn took too long.", code="TURN_TIMEOUT")
    pieces.end(pieces.take(session), job, pieces.endings.failed(job, fault, COST))

    view = pieces.turns.view(ANNA, known_as(session, job))
    assert (view.status, view.done, view.text) == ("failed", True, "")
    assert view.error == {
        "code": "TURN_TIMEOUT",
        "message": "The turn took too long.",
        "retryable": False,
    }


@pytest.mark.parametrize(
    ("principal", "sees"), [(ANNA, True), (SERVICE, True), (BEN, False), (STRANGER, False)]
)
def test_only_who_may_read_the_conversation_sees_its_turns(
    pieces: Pieces, principal: Principal, sees: bool
) -> None:
    session = pieces.session()
    name = known_as(session, pieces.ask(session, "r1"))
    if sees:
        assert pieces.turns.view(principal, name).status == "queued"
        return
    with pytest.raises(NotFound) as refused:
        pieces.turns.view(principal, name)
    with pytest.raises(NotFound) as unknown:
        pieces.turns.view(ANNA, turn_id("unknown", "TURN#s#r"))
    assert (refused.value.error_code, refused.value.message) == (
        "TURN_NOT_FOUND",
        str(unknown.value),
    )


def test_ids_of_other_kinds_are_no_turns(pieces: Pieces) -> None:
    session = pieces.session()
    job = pieces.ask(session, "r1")
    pieces.fill(session, ["a message"])
    conversation = session.conversation
    for name in [
        "",
        "turn",
        "turn_",
        "turn_!",
        "turn_e30",
        session.id,
        pack("dlv", conversation, job.ref),
        pack("turn", conversation),
        pack("turn", conversation, job.ref, "more"),
        pack("turn", conversation, "META"),
        pack("turn", conversation, "MSG#000000000000"),
        pack("turn", conversation, "TURN#"),
        pack("turn", conversation, "x" * 600),
        pack("turn", f"{conversation}#x", job.ref),
        known_as(session, job) + "x",
    ]:
        with pytest.raises(NotFound) as refused:
            pieces.turns.view(ANNA, name)
        assert refused.value.error_code == "TURN_NOT_FOUND", name


def test_the_same_request_is_the_same_turn_and_another_text_is_refused(pieces: Pieces) -> None:
    session = pieces.session()
    first = pieces.turns.add(ANNA, session, request_id="r1", message="Hello")
    again = pieces.turns.add(ANNA, session, request_id="r1", message="Hello")

    assert (first.duplicate, again.duplicate) == (False, True)
    assert again.job.payload == first.job.payload
    assert pieces.box(session.box).jobs == (first.job.ref,)
    for message, url in [("Hello!", None), ("Hello", "https://hooks.example/")]:
        with pytest.raises(ValidationError) as refused:
            pieces.turns.add(ANNA, session, request_id="r1", message=message, callback_url=url)
        assert refused.value.details == {"field": "requestId"}


def test_the_same_request_of_another_session_is_another_turn(pieces: Pieces) -> None:
    session = pieces.session()
    beside = pieces.session(conversation=session.conversation)
    assert beside.conversation == session.conversation

    refs = {pieces.ask(each, "r1").ref for each in (session, beside)}
    assert len(refs) == 2


def test_a_full_conversation_refuses_new_turns_and_knows_its_old_ones(pieces: Pieces) -> None:
    session = pieces.session()
    for number in range(3):
        pieces.ask(session, f"r{number}")

    with pytest.raises(ConflictError) as refused:
        pieces.ask(session, "r3")
    assert (refused.value.error_code, refused.value.is_retryable) == ("SESSION_BACKLOG_FULL", True)
    assert pieces.turns.add(ANNA, session, request_id="r0", message="Hello").duplicate
    assert len(pieces.box(session.box).jobs) == 3
