"""An agent asks with a form."""

from typing import Any

import pytest

from shared.cli.chat.events import Finished, ToolCalled
from tests.cli.chat.chatting import chatting
from tests.cli.chat.forms import CHOICES, IDENTITY, Forms, invalid, submitted, taken
from tests.cli.chat.person import asking, notices


def test_who_somebody_is() -> None:
    forms = Forms("identity_intake", IDENTITY)
    [sent], told, noted, asked = submitted(forms, " a@b.org ", "")

    assert sent == {
        "action": "submit_interaction",
        "requestId": forms.turn.id,
        "sessionId": "session of fresh",
        "interactionId": "i-1",
        "kind": "identity_intake",
        "values": {"email": "a@b.org"},
    }
    assert told[0] == "The agent has a question: to send the quote"
    assert asked == ["Email: ", "Full name (optional): "]
    assert noted == ["Sent."]


def test_what_is_wrong_is_said_and_only_that_asked_again() -> None:
    wrong = invalid(("email", "must be a valid email address"))
    forms = Forms("identity_intake", IDENTITY, wrong, taken)
    [first, second], told, _, asked = submitted(forms, "still bad@", "Ann", "a@b.org")

    assert first["values"] == {"email": "still bad@", "name": "Ann"}
    assert second["values"] == {"email": "a@b.org", "name": "Ann"}
    assert told[-2:] == ["Some fields need attention.", "  Email: must be a valid email address"]
    assert asked == ["Email: ", "Full name (optional): ", "Email: "]


def test_nothing_for_what_is_required_declines() -> None:
    [sent], _, noted, asked = submitted(Forms("identity_intake", IDENTITY), "")

    assert (sent["declined"], "values" in sent) == (True, False)
    assert asked == ["Email: "]
    assert noted == ["Declined."]


def test_a_text_that_is_too_long_is_asked_again() -> None:
    [sent], told, _, _ = submitted(Forms("identity_intake", IDENTITY), "x" * 1001, "a@b.org", "")

    assert sent["values"] == {"email": "a@b.org"}
    assert "It may have 1000 characters." in told


@pytest.mark.parametrize(
    ("plan", "use", "answers"),
    [
        ("2", "1, 3", [["Pro"], ["Home", "School"]]),
        ("Basic", "2 2", [["Basic"], ["Work"]]),
        ("2 of them", "none", ["2 of them", "none"]),
    ],
)
def test_choices(plan: str, use: str, answers: list[Any]) -> None:
    [sent], told, _, asked = submitted(Forms("choices", CHOICES), plan, use)

    given = [answer.get("other") or answer["options"] for answer in sent["values"]["answers"]]
    assert [answer["header"] for answer in sent["values"]["answers"]] == ["Plan", "Use"]
    assert given == answers
    assert told[2:5] == ["Which plan?", "  1  Basic", "  2  Pro: with support"]
    assert asked[0] == "Plan (a number, or your own words): "


@pytest.mark.parametrize("typed", ["3", "0", "1 2", "\u0661", "x" * 1001])
def test_what_is_no_choice_is_asked_again(typed: str) -> None:
    [sent], _, _, asked = submitted(Forms("choices", CHOICES), typed, "1", "2")

    assert sent["values"]["answers"][0] == {"header": "Plan", "options": ["Basic"]}
    assert len(asked) == 3


def test_no_choice_declines() -> None:
    [sent], _, noted, _ = submitted(Forms("choices", CHOICES), "1", "")

    assert (sent["declined"], noted) == (True, ["Declined."])


def test_choices_that_the_server_does_not_take_are_asked_again() -> None:
    forms = Forms(
        "choices", CHOICES, invalid(("Use", "must be one")), invalid(("answers", "?")), taken
    )
    sent, _, _, asked = submitted(forms, "1", "1", "2", "2", "3")

    picked = [[answer["options"][0] for answer in each["values"]["answers"]] for each in sent]
    assert picked == [["Basic", "Home"], ["Basic", "Work"], ["Pro", "School"]]
    assert [label.split()[0] for label in asked] == ["Plan", "Use", "Use", "Plan", "Use"]


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("hologram", {}),
        ("choices", {"questions": "none"}),
        ("choices", {"questions": [{"header": str(number)} for number in range(11)]}),
        ("identity_intake", {"fields": [{"key": ""}]}),
    ],
)
def test_a_form_that_cannot_be_shown_is_declined(kind: str, spec: dict[str, Any]) -> None:
    [sent], _, noted, asked = submitted(Forms(kind, spec))

    assert (sent["declined"], sent["kind"]) == (True, kind)
    assert f"({kind})" in noted[0]
    assert noted[1] == "Declined."
    assert asked == []


def test_nobody_to_ask_declines_a_form() -> None:
    forms = Forms("identity_intake", IDENTITY)
    with chatting(forms.server) as (session, _):
        said = list(session.say("A quote, please"))
        sent = forms.server.take("submit_interaction")

    assert sent["declined"] is True
    assert isinstance(said[-1], Finished)


def test_the_call_that_asks_is_not_shown_and_takes_no_question_away() -> None:
    forms = Forms("identity_intake", IDENTITY)
    with asking(forms.server, "a@b.org", "Ann") as (session, person, _):
        said = list(session.say("A quote, please"))

    assert not any(isinstance(event, ToolCalled) for event in said)
    assert len(person.asked) == 2
    assert notices(said) == ["Sent."]
