"""What one message may choose, and how that tells one request from another."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shared.conversations.options import PLAIN, TurnOptions
from shared.conversations.turns import digest
from shared.errors import NotFound, ValidationError
from shared.storage.sqlite import SqliteTable
from tests.conversations.pieces import ANNA, Pieces, pieces_in
from tests.wire.scene import Scene

CHOICES = [
    TurnOptions(model="m"),
    TurnOptions(model="n"),
    TurnOptions(skill="m"),
    TurnOptions(stream=False),
    TurnOptions(variables={"a": "b"}),
    TurnOptions(variables={"a": "c"}),
    TurnOptions(overrides={"model": "m"}),
    TurnOptions(model="m", skill="s", stream=False),
]


NAMES = ("model", "skill", "stream", "variables", "overrides")


@dataclass(frozen=True)
class Agent:
    model: str = "own"
    models_allowed: tuple[str, ...] = ("other",)
    skills: tuple[str, ...] = ("tone",)


@pytest.fixture
def pieces(tmp_path: Path) -> Iterator[Pieces]:
    with pieces_in(tmp_path) as made:
        yield made


def test_a_plain_request_is_what_it_always_was() -> None:
    text = json.dumps(["Häl", None], ensure_ascii=False)
    assert digest("Häl", None, PLAIN) == hashlib.sha256(text.encode()).hexdigest()
    assert PLAIN.chosen == {}


def test_each_choice_is_another_request() -> None:
    assert len({digest("Hi", None, options) for options in [PLAIN, *CHOICES]}) == 9


@pytest.mark.parametrize("options", [PLAIN, *CHOICES])
def test_a_turn_keeps_what_was_chosen_and_nothing_else(
    pieces: Pieces, options: TurnOptions
) -> None:
    def asked(chosen: TurnOptions) -> Any:
        return pieces.turns.add(ANNA, session, request_id="r", message="Hi", options=chosen)

    session = pieces.session()
    payload = asked(options).job.payload
    named = {name: payload[name] for name in NAMES if name in payload}
    assert named == options.chosen
    assert asked(options).duplicate
    for other in [PLAIN, *CHOICES]:
        if other != options:
            with pytest.raises(ValidationError):
                asked(other)


@pytest.mark.parametrize("model", [None, "own", "other"])
@pytest.mark.parametrize("skill", [None, "tone"])
def test_what_the_agent_has_may_be_chosen(model: str | None, skill: str | None) -> None:
    TurnOptions(model=model, skill=skill).check(Agent())


def test_what_the_agent_has_not_is_refused() -> None:
    with pytest.raises(ValidationError) as model:
        TurnOptions(model="OWN").check(Agent())
    assert model.value.details == {"field": "model"}
    for skill in ("law", "ton"):
        with pytest.raises(NotFound) as missing:
            TurnOptions(skill=skill).check(Agent())
        assert missing.value.error_code == "SKILL_NOT_FOUND"
    with pytest.raises(NotFound):
        TurnOptions(skill="tone").check(Agent(skills=()))


def test_a_choice_that_was_accepted_stays_accepted(engine: SqliteTable, tmp_path: Path) -> None:
    """The same request again is the same turn, whatever has become of the agent meanwhile."""
    agents = tmp_path / "changing"
    agents.mkdir()
    file = agents / "assistant.yaml"
    text = "name: A\ninstructions: Help.\n"
    file.write_text(text + "models_allowed: [other]\n")
    scene = Scene(engine, tmp_path, ASSISTANT_LOCAL_CONFIG_DIR=str(agents))
    scene.connect("c1")
    session = scene.session("c1")

    def say(request_id: str) -> Any:
        fields = {"sessionId": session, "message": "Hi", "model": "other"}
        return scene.frame("c1", "send_message", requestId=request_id, **fields)

    assert say("r1")["status"] == 202
    file.write_text(text)
    assert say("r1")["data"] == {"duplicate": True}
    assert say("r2")["error"]["code"] == "VALIDATION_ERROR"
    file.unlink()
    assert say("r1")["data"] == {"duplicate": True}
    assert say("r3")["error"]["code"] == "AGENT_NOT_FOUND"
