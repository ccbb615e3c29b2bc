"""The demo model reads what the service really asks a model: it answers the user's words, and says
what was found for them and what came with them."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from shared.conversations.judging import TOOL
from shared.identity.credentials import LOCAL
from shared.knowledge.port import Passage
from shared.local.demo_answers import Answer, Call, answer
from shared.runner.background import NOTHING, Background
from shared.runner.pictures import Picture
from shared.runner.request import TurnRequest, model_request
from shared.tools.handover import Escalate

RETURNS = Passage(id="r.md", title="Returns", text="Keep the box.\n\nThirty days.", score=2.0)
PARCELS = Passage(id="p.md", title="Parcels “A”", text="Up to 30 kg.", score=1.0)
DOT = Picture("image/png", base64.b64encode(b"a picture").decode(), 9)
QUESTION = "May I send it back?\n\nI have the box."
HEARD = "You said: “May I send it back? I have the box.”"


def said(
    message: str,
    background: Background = NOTHING,
    history: Sequence[Mapping[str, Any]] = (),
) -> Answer:
    """The answer to a turn, asked for as the service asks."""
    request = TurnRequest(
        access=LOCAL,
        instructions="Help.",
        model="m",
        max_tokens=100,
        message=message,
        history=history,
        background=background,
        tools=[Escalate()],
    )
    asked = model_request(request)
    return answer(
        {
            "messages": asked.messages,
            "tools": asked.tools,
            "tool_choice": {"type": asked.tool_choice},
        }
    )


def test_the_words_are_answered_and_the_documents_named() -> None:
    found = said(QUESTION, Background(passages=[RETURNS, PARCELS, RETURNS])).text
    assert HEARD in found
    assert found.endswith(
        "These documents were found for it, best first: “Returns”, “Parcels “A””."
    )
    assert "Thirty days" not in found


def test_a_turn_without_background_says_nothing_of_any() -> None:
    assert said(QUESTION).text.endswith("I have seen one message from you so far.")


def test_files_and_pictures_are_told_apart_from_the_words() -> None:
    attached = {
        "images": [{"file": "dot.png"}, {"file": "old.png"}],
        "files": ['the "list", new.txt', "b.pdf"],
        "failed": ['The attachment "c.zip" could not be had: it is too large.'],
    }
    background = Background(passages=[RETURNS], attached=attached, pictures={"dot.png": DOT})
    found = said(QUESTION, background).text
    assert HEARD in found
    assert "“Returns”" in found
    assert 'These files came with it: old.png, the "list", new.txt, b.pdf.' in found
    assert "A picture came with it, which I cannot see." in found
    assert found.endswith('The attachment "c.zip" could not be had: it is too large.')


def test_a_message_without_words_names_what_came() -> None:
    found = said("", Background(attached={"files": ["a.txt"]})).text
    assert "nothing to read in your message. These files came with it: a.txt." in found
    assert "without words" not in found


def test_several_pictures_are_counted() -> None:
    images = [{"file": "a.png"}, {"file": "b.png"}]
    pictures = {"a.png": DOT, "b.png": DOT}
    found = said("Look", Background(attached={"images": images}, pictures=pictures)).text
    assert "2 pictures came with it, which I cannot see." in found


def test_a_long_list_is_cut() -> None:
    many = [Passage(id=str(n), title="T" * 50, text="t") for n in range(2)]
    many += [Passage(id=str(n), title=f"{n}" * 50, text="t") for n in range(10)]
    assert len(said("Hi", Background(passages=many)).text) < 700


def test_what_is_recalled_are_the_words_of_earlier_messages() -> None:
    history: list[dict[str, Any]] = [
        {"role": "user", "text": "I like tea", "files": ["tea.txt"]},
        {"role": "assistant", "text": "Fine."},
    ]
    background = Background(passages=[RETURNS], summary="They drink much.")
    found = said("What did I say?", background, history).text
    assert "Before you said: “I like tea” I have seen 2 messages" in found
    assert "“Returns”" in found


def test_a_summary_before_the_first_words_is_not_theirs() -> None:
    assert "You said: “Hello”" in said("Hello", Background(summary="Much was\n\nsaid.")).text


def test_a_tool_is_called_for_the_words_only() -> None:
    passage = Passage(id="e.md", title="escalate", text="please escalate")
    assert said("Good day", Background(passages=[passage])).call is None
    called = said("escalate, I am cross", Background(passages=[passage]))
    assert called.call is not None
    assert called.call.name == "escalate"
    assert "“escalate”" in called.text


@pytest.mark.parametrize(
    "message",
    [
        "[The user attached files, which you cannot open: none]",
        "[The attachment is missing]",
        '[The user attached files, which you cannot open: "a"',
    ],
)
def test_words_that_only_look_like_attachments_are_words(message: str) -> None:
    assert f"You said: “{message}”" in said(message).text


# -- a tool that must be called, or must not ------------------------------------------------------


def judged(message: str, choice: object) -> Answer:
    asked = f'{{"step": {{"criteria": "An order number is named"}}, "message": "{message}"}}'
    messages = [{"role": "user", "content": asked}]
    return answer({"messages": messages, "tools": [TOOL], "tool_choice": choice})


@pytest.mark.parametrize(
    ("message", "verdict"),
    [("It is ORDER 42", "yes"), ("These are my orders", "yes"), ("It is broken, yes", "maybe")],
)
def test_a_step_is_judged_by_the_words_of_its_criteria(message: str, verdict: str) -> None:
    assert judged(message, {"type": "any"}).call == Call("verdict", {"verdict": verdict})


@pytest.mark.parametrize("text", ["no JSON", "[]", '{"message": "m", "step": "s"}', "{}"])
def test_a_tool_is_called_whatever_was_asked(text: str) -> None:
    messages = [{"role": "user", "content": text}]
    request = {"messages": messages, "tools": [TOOL], "tool_choice": {"type": "any"}}
    call = answer(request).call
    assert call is not None
    assert call.name == "verdict"
    assert call.arguments["verdict"] in ("yes", "no", "maybe")


def test_the_tool_that_must_be_called_is_the_one_that_is_named() -> None:
    schema = {"type": "object", "properties": {}}
    tools = [{"name": name, "input_schema": schema} for name in ("first", "second")]
    messages = [{"role": "user", "content": "take the second one"}]
    request = {"messages": messages, "tools": tools, "tool_choice": {"type": "any"}}
    assert answer(request).call == Call("second", {})


def test_no_tool_is_called_where_none_may_be() -> None:
    assert judged("verdict", {"type": "none"}).call is None
    assert judged("verdict", "none").call is not None
