"""The workflow of an agent: the steps by which a conversation is led to its goal."""

from collections.abc import Sequence
from typing import Protocol


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
