"""The workflow of an agent: the steps by which a conversation is led to its goal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, Self

MAX_TRIES = 3
"""Judged turns after which a conversation leaves a step, done or not."""

Verdict = Literal["yes", "no", "maybe"]
"""Whether a step is done."""

GOAL = "You lead this conversation to a goal, one step after the other. The goal: {}"
STEPS = "The steps are:"
CURRENT = "The step to take now is number {}: {}\nIt is done when this holds: {}"
HOW = (
    "Lead the conversation towards that in a natural way, and answer what the user asks. Do not "
    "take later steps before this one is done. Never mention the goal, the steps, their numbers or "
    "that you follow a plan."
)
REACHED = (
    "You have led this conversation to its goal, which was: {} Do not begin with it again. Answer "
    "what the user still asks, and never mention the goal or that you followed a plan."
)


class Step(Protocol):
    """What a step is for, and by what it is known to be done."""

    @property
    def id(self) -> str: ...

    @property
    def intent(self) -> str: ...

    @property
    def criteria(self) -> str: ...


class Workflow(Protocol):
    """At least one step, whose ids differ."""

    @property
    def goal(self) -> str: ...

    @property
    def steps(self) -> Sequence[Step]: ...


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where in a workflow a conversation is. `tries` counts the turns that were judged at this
    step, `version` the verdicts so far. `done`: the goal is reached, and `step` is the last one."""

    step: str
    tries: int = 0
    version: int = 0
    done: bool = False

    @classmethod
    def of(cls, ids: Sequence[str], kept: Mapping[str, Any] | None) -> Self:
        """The place in the steps with these ids, as it was `kept`. A step that is not among them
        any more is the first one; the versions go on."""
        if kept is None:
            return cls(step=ids[0])
        version = int(kept["version"])
        if kept["step"] not in ids:
            return cls(step=ids[0], version=version)
        return cls(
            step=str(kept["step"]),
            tries=int(kept["tries"]),
            version=version,
            done=bool(kept["done"]),
        )

    def to_dict(self) -> dict[str, Any]:
        """As it is kept."""
        return {
            "step": self.step,
            "tries": self.tries,
            "version": self.version,
            "done": self.done,
        }

    def after(self, ids: Sequence[str], verdict: Verdict) -> Self:
        """The place after this verdict: the next step only after a yes, or `MAX_TRIES` verdicts
        that were none."""
        tries, version = self.tries + 1, self.version + 1
        if verdict != "yes" and tries < MAX_TRIES:
            return replace(self, tries=tries, version=version)
        following = ids[ids.index(self.step) + 1 :]
        return replace(
            self,
            step=following[0] if following else self.step,
            tries=0,
            version=version,
            done=not following,
        )


def ids_of(workflow: Workflow) -> list[str]:
    """The ids of its steps, in their order."""
    return [step.id for step in workflow.steps]


def told_workflow(workflow: Workflow, place: Place) -> str:
    """What the agent is told of it at this place."""
    if place.done:
        return REACHED.format(_line(workflow.goal))
    number = ids_of(workflow).index(place.step)
    current = workflow.steps[number]
    listed = (f"{index}. {_line(step.intent)}" for index, step in enumerate(workflow.steps, 1))
    return "\n".join(
        [
            GOAL.format(_line(workflow.goal)),
            STEPS,
            *listed,
            CURRENT.format(number + 1, _line(current.intent), _line(current.criteria)),
            HOW,
        ]
    )


def _line(text: str) -> str:
    return " ".join(text.split())
