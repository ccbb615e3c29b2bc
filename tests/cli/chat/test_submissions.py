"""What becomes of a form that the server does not simply take."""

import pytest

from shared.cli.chat.events import Failed
from shared.protocol import events, prompts
from tests.cli.chat.forms import IDENTITY, Forms, invalid, submitted, taken
from tests.cli.chat.person import asking
from tests.cli.chat.scripted_server import AT, Frame, Peer


@pytest.mark.parametrize("echo", [True, False])
@pytest.mark.parametrize("code", ["INTERACTION_MISMATCH", "NO_PENDING_INTERACTION"])
def test_an_answer_that_comes_too_late_does_not_end_the_turn(code: str, echo: bool) -> None:
    def says(peer: Peer, frame: Frame) -> None:
        peer.refuse(frame if echo else {"requestId": None}, code)

    forms = Forms("identity_intake", IDENTITY, says)
    _, _, noted, asked = submitted(forms, "a@b.org", "Ann")

    assert ["not open any more" in notice for notice in noted] == [True]
    assert len(asked) == 2


@pytest.mark.parametrize("echo", [True, False])
def test_a_refused_answer_is_asked_for_again(echo: bool) -> None:
    def says(peer: Peer, frame: Frame) -> None:
        peer.refuse(frame if echo else {"requestId": None}, "SERVICE_UNAVAILABLE", "Later.")

    forms = Forms("identity_intake", IDENTITY, says, taken)
    sent, told, _, _ = submitted(forms, "a@b.org", "Ann", "c@d.org", "")

    assert "SERVICE_UNAVAILABLE: Later." in told
    assert sent[-1]["values"] == {"email": "c@d.org"}


def test_an_older_server_leaves_the_form_open() -> None:
    forms = Forms(
        "identity_intake", IDENTITY, lambda peer, frame: peer.refuse(frame, "UNSUPPORTED_ACTION")
    )
    _, _, noted, asked = submitted(forms, "a@b.org", "Ann")

    assert "Left open" in noted[1]
    assert len(asked) == 2


def test_a_turn_that_fails_while_an_answer_is_on_its_way_has_failed() -> None:
    forms = Forms(
        "identity_intake", IDENTITY, lambda peer, frame: peer.refuse(frame, "LLM_UNAVAILABLE")
    )
    with asking(forms.server, "a@b.org", "Ann") as (session, _, _):
        said = list(session.say("A quote, please"))

    assert said[-1] == Failed("LLM_UNAVAILABLE", "No.")


def test_a_turn_that_fails_behind_an_answer_has_failed_with_whatever_code() -> None:
    def says(peer: Peer, frame: Frame) -> None:
        forms.turn.go_on()
        peer.refuse(frame, "RATE_LIMITED")

    forms = Forms("identity_intake", IDENTITY, says)
    with asking(forms.server, "a@b.org", "Ann") as (session, _, _):
        said = list(session.say("A quote, please"))

    assert said[-1] == Failed("RATE_LIMITED", "No.")


def test_what_is_wrong_with_another_form_is_nothing_to_this_one() -> None:
    def says(peer: Peer, frame: Frame) -> None:
        invalid(("email", "no"))(peer, {**frame, "interactionId": "i-0"})
        taken(peer, frame)

    _, told, noted, asked = submitted(Forms("identity_intake", IDENTITY, says), "a@b.org", "Ann")

    assert (len(asked), noted) == (2, ["Sent."])
    assert "Some fields need attention." not in told


def test_a_declining_that_is_refused_leaves_the_form_open() -> None:
    def says(peer: Peer, frame: Frame) -> None:
        peer.refuse(frame, "RATE_LIMITED")

    [_], _, noted, asked = submitted(Forms("hologram", {}, says))

    assert noted[1] == "RATE_LIMITED: No."
    assert "Left open" in noted[2]
    assert asked == []


def test_a_form_of_another_time_is_nothing_to_this_one() -> None:
    forms = Forms("identity_intake", IDENTITY)

    def stale() -> None:
        about = (forms.turn.id, "i-0", "identity_intake", [("email", "no")])
        forms.turn.send(prompts.interaction_invalid(*about, "No.", at=AT))
        forms.turn.send(events.error(forms.turn.id, "INTERACTION_MISMATCH", "No.", at=AT))
        forms.turn.decided_elsewhere()

    _, told, noted, asked = submitted(forms, stale)

    assert "No." not in told
    assert ["decided elsewhere" in notice for notice in noted] == [True]
    assert asked == ["Email: "]
