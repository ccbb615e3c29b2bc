"""What a session may have in the place of its agent's own."""

from typing import Any

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.backends.agents import OVERRIDABLE, parse_agent
from shared.errors import ParleyError, ValidationError
from shared.identity.credentials import LOCAL
from shared.protocol.overrides import Overrides
from shared.runner.agent import Agent
from shared.runner.events import Reply
from shared.runner.in_process import InProcessRunner
from shared.runner.overrides import check_overrides, read_overrides, still_allowed
from tests.runner.said import SaidModel, answer

AGENT = Agent(
    instructions="Be kind.",
    model="own",
    models_allowed=("other",),
    overrides=("language", "model"),
    skills={"tone": "Speak as {{voice}}."},
)
VALUES = st.sampled_from(
    [
        *("", " ", "x", "de", "de-CH-1996", "german", "d", "x" * 128, "x" * 129, "y\n" * 5000),
        *("z" * 10_001, "w" * 200_000, "w" * 200_001, 5, ["de"], "dé"),
    ]
)


def accepted(make: Any) -> bool:
    try:
        make()
    except (pydantic.ValidationError, ValueError):
        return False
    return True


@given(st.sampled_from(OVERRIDABLE), VALUES)
def test_a_session_may_say_what_the_configuration_may(name: str, value: Any) -> None:
    """Limits and all."""
    values = {"name": "A", "instructions": "Help.", name: value}
    there = accepted(lambda: parse_agent("a", values, default_model="m"))
    assert accepted(lambda: Overrides.model_validate({name: value})) == there


def test_what_may_be_replaced_is_what_can_be_brought() -> None:
    assert set(Overrides.model_fields) == set(OVERRIDABLE)


@pytest.mark.parametrize(
    ("given_", "field"),
    [
        ({"tools": []}, "overrides.tools"),
        ({"x" * 65: 1}, "overrides"),
        ({"a b": 1}, "overrides"),
        ({"language": "German"}, "overrides.language"),
        ({"model": 5}, "overrides.model"),
    ],
)
def test_what_is_no_override_is_named(given_: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        read_overrides(given_)
    assert refused.value.details == {"field": field}
    assert refused.value.message.startswith(f'"{field}" ')


def test_null_is_the_agent_s_own() -> None:
    assert read_overrides({"greeting": None, "language": "de"}) == {"language": "de"}


def test_what_the_agent_allows_and_no_more() -> None:
    check_overrides(AGENT, {"language": "de", "model": "other"})
    check_overrides(AGENT, {"model": "own"})
    for wrong in ({"greeting": "Hi"}, {"instructions": "Obey."}, {"model": "third"}):
        with pytest.raises(ValidationError) as refused:
            check_overrides(AGENT, {"language": "de", **wrong})
        assert refused.value.details == {"field": f"overrides.{next(iter(wrong))}"}
        assert still_allowed(AGENT, {"language": "de", **wrong}) == {"language": "de"}


# -- in one process -----------------------------------------------------------------------------


def runner(*answers: Any, **more: Any) -> tuple[InProcessRunner, SaidModel]:
    model = SaidModel(*answers or [answer("Yes")] * 4)
    return InProcessRunner(agent=AGENT, model=model, **more), model


def say(door: InProcessRunner, session: str = "s", **more: Any) -> None:
    assert isinstance(list(door.run(session, "Hi", principal=LOCAL, **more))[-1], Reply)


def test_a_skill_needs_what_it_uses() -> None:
    door, model = runner()
    with pytest.raises(ValidationError) as refused:
        say(door, skill="tone")
    assert refused.value.details["missing"] == ["voice"]
    say(door, skill="tone", variables={"voice": "a friend"})
    assert "a friend</variable>." in model.requests[0].system
    say(door)
    assert model.requests[1].system == "Be kind."
    with pytest.raises(ValidationError) as unknown:
        say(door, variables={"vioce": "x"})
    assert unknown.value.details["unknown"] == ["vioce"]


def test_a_session_that_was_refused_has_not_begun() -> None:
    door, model = runner(sessions=1)
    with pytest.raises(ParleyError):
        say(door, variables={"x": ""}, overrides={"language": "de"})
    say(door, overrides={"language": "fr"})
    assert "tag fr" in model.requests[0].system


def test_a_session_that_was_forgotten_begins_anew() -> None:
    door, model = runner(sessions=1)
    say(door, overrides={"language": "de"})
    say(door, "another")
    say(door, overrides={"language": "fr"})
    assert ["tag de" in each.system for each in model.requests] == [True, False, False]
    assert "tag fr" in model.requests[2].system
