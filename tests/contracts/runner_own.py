"""The contract of runners: what a session brings for its agent's texts."""

import pytest

from shared.errors import ParleyError, ValidationError
from shared.runner.variables import PROVENANCE
from tests.contracts.runner_stage import ANN, BOB, Open, Stage
from tests.contracts.runner_tools import MODEL, OTHER_MODEL

SERVE = {"instructions": "You serve {{customer}} for {{system__user}}."}


def system(stage: Stage) -> str:
    return str(stage.api.requests[-1]["system"])


def served(customer: str, user: str = "ann") -> str:
    return (
        f'You serve <variable name="customer">{customer}</variable> '
        f'for <variable name="system__user">{user}</variable>.\n\n'
    )


class OwnContract:
    def test_what_the_first_message_brings_is_the_session_s(self, opened: Open) -> None:
        with opened() as stage:
            stage.say("hello", variables={"customer": "A & B"}, overrides=SERVE)
            first = system(stage)
            assert first.startswith(served("A &amp; B"))
            assert first.endswith(PROVENANCE)
            stage.say("hello")
            assert system(stage) == first

    def test_later_variables_are_of_one_turn(self, opened: Open) -> None:
        with opened() as stage:
            for customer in ("Carl", "Dora"):
                stage.say("hello", variables={"customer": customer}, overrides=SERVE)
                assert system(stage).startswith(served(customer))
            stage.say("hello")
            assert system(stage).startswith(served("Carl"))

    def test_sessions_bring_what_is_theirs(self, opened: Open) -> None:
        with opened() as stage:
            stage.say("hello", variables={"customer": "Carl"}, overrides=SERVE)
            stage.say("hello", who=BOB, variables={"customer": "Dora"}, overrides=SERVE)
            assert system(stage).startswith(served("Dora", "bob"))
            stage.say("hello", "other")
            assert system(stage).startswith("Be kind.")

    def test_a_model_and_a_language_for_a_session(self, opened: Open) -> None:
        with opened() as stage:
            own = {"model": OTHER_MODEL, "language": "de"}
            stage.say("hello", overrides=own)
            stage.say("hello", model=MODEL)
            stage.say("hello")
            models = [each["model"] for each in stage.api.requests]
            assert models == [OTHER_MODEL, MODEL, OTHER_MODEL]
            assert "the language with the tag de" in system(stage)

    def test_what_cannot_be_brought_is_refused_and_begins_nothing(self, opened: Open) -> None:
        known = {"customer": "Carl"}
        with opened() as stage:
            for variables, overrides, details in (
                (None, SERVE, {"unknown": [], "missing": ["customer"]}),
                ({**known, "x": ""}, SERVE, {"unknown": ["x"], "missing": []}),
                (known, None, {"unknown": ["customer"], "missing": []}),
                ({"a-b": ""}, None, {}),
                ({"system__user": "eve"}, None, {}),
            ):
                with pytest.raises(ValidationError) as refused:
                    stage.say("hello", variables=variables, overrides=overrides)
                assert refused.value.details == {"field": "dynamicVariables", **details}
            for overrides in ({"greeting": "Hi"}, {"model": "gpt"}, {"tools": "x"}):
                with pytest.raises(ParleyError) as fault:
                    stage.say("hello", overrides=overrides)
                assert fault.value.details == {"field": f"overrides.{next(iter(overrides))}"}
            assert stage.api.requests == []
            stage.say("hello", variables=known, overrides=SERVE)
            assert system(stage).startswith(served("Carl"))

    def test_a_session_keeps_its_overrides(self, opened: Open) -> None:
        with opened() as stage:
            stage.say("hello", overrides={"language": "de"})
            for other in ({"language": "fr"}, {}):
                with pytest.raises(ValidationError) as refused:
                    stage.say("hello", overrides=other)
                assert refused.value.details == {"field": "overrides"}
            events = stage.runner.run("s", "hello", principal=ANN, overrides={"language": "de"})
            assert list(events)
            assert "tag de" in system(stage)
