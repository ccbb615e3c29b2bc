"""A model whose stream breaks: at each of its events, in each way, once or every time."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.runner.turn import MAX_GENERATIONS
from tests.failures.broken import HOWS, REPLIES, SECRET, Break, breaks
from tests.failures.talk import RETRIES, Talk, Told, serving
from tests.support.deployments import Running
from tests.support.messages_api import Request, ScriptedMessagesApi, Step, last_words

LAST = Step(tokens=["Seen", " it"], input_tokens=20, output_tokens=2)
"""What the model says after its tool's result."""

ALL = list(breaks())
ATTEMPTS = 3


class Model:
    """Says to each turn, known by its message, one step after the other."""

    def __init__(self) -> None:
        self.left: dict[str, list[Step]] = {}
        self.asked: dict[str, int] = {}

    def __call__(self, request: Request) -> Step:
        name = last_words(request)
        self.asked[name] = self.asked.get(name, 0) + 1
        return self.left[name].pop(0)


@pytest.fixture(scope="module")
def model() -> Model:
    return Model()


@pytest.fixture(scope="module")
def running(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = Path(tmp_path_factory.mktemp("set"))
    with ScriptedMessagesApi(reply=model) as api, serving(folder, api.base_url) as made:
        yield made


@pytest.fixture
def talk(running: Running) -> Iterator[Talk]:
    with Talk.on(running) as made:
        yield made


def of(reply: str, how: str) -> list[Break]:
    return [each for each in ALL if (each.reply, each.how) == (reply, how)]


def after(each: Break) -> list[Step]:
    """What the model says when it has answered."""
    return [LAST] if each.whole.tool_calls else []


def test_every_event_of_every_reply_is_a_place_to_break() -> None:
    assert len(ALL) == 2 * (9 + 8) + 2 * (13 + 12)


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("reply", REPLIES)
def test_a_stream_that_breaks_once(talk: Talk, model: Model, reply: str, how: str) -> None:
    for each in of(reply, how):
        model.left[f"once {each.name}"] = [each.step, each.whole, *after(each)]
        talk.ask(f"once {each.name}")
    for each in of(reply, how):
        mends(each, talk.told(f"once {each.name}"))
        assert model.left[f"once {each.name}"] == []


def mends(each: Break, told: Told) -> None:
    """Nobody sees a break before the first word. After it the client gets no more pieces of that
    reply, which is said anew, and the whole text at the end."""
    first, last = "".join(each.whole.tokens), "".join(LAST.tokens)
    shown = each.spoken or first
    if each.whole.tool_calls:
        assert told.text == f"{first}\n\n{last}", each.name
        assert told.pieces == f"{shown}\n\n{last}", each.name
        assert told.steps == ["toolCall", "toolResult"], each.name
    else:
        assert (told.text, told.pieces, told.steps) == (first, shown, []), each.name
    whole = [each.whole, *after(each)]
    assert told.tokens == (
        each.input_tokens + sum(step.input_tokens for step in whole),
        each.output_tokens + sum(step.output_tokens or 0 for step in whole),
    ), each.name


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("reply", REPLIES)
def test_a_stream_that_always_breaks(talk: Talk, model: Model, reply: str, how: str) -> None:
    assert ATTEMPTS == RETRIES + 1 == MAX_GENERATIONS
    for each in of(reply, how):
        model.left[f"always {each.name}"] = [each.step] * ATTEMPTS
        talk.ask(f"always {each.name}")
    for each in of(reply, how):
        fails(each, talk.told(f"always {each.name}"))
        assert model.left[f"always {each.name}"] == []


def fails(each: Break, told: Told) -> None:
    """One error, in our words; what all attempts have cost is counted."""
    code = "MODEL_OVERLOADED" if each.how == "error_after" else "LLM_UNAVAILABLE"
    assert told.fault == (code, True), each.name
    assert told.pieces == each.spoken, each.name
    assert told.steps == [], each.name
    assert told.tokens == (ATTEMPTS * each.input_tokens, ATTEMPTS * each.output_tokens), each.name
    assert SECRET not in json.dumps([told.events, told.state])
