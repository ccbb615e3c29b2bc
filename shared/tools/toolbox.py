"""The tools of one agent, by name."""

from collections.abc import Iterable, Iterator

from shared.protocol.faults import Fault
from shared.tools.port import Tool


class ToolRefused(ValueError):
    """An entry of `tools` makes no tool; `fault` says which, and why."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


class Toolbox:
    """Tools in the order of the configuration; their names differ."""

    def __init__(self, tools: Iterable[Tool] = ()) -> None:
        self._tools = tuple(tools)

    def __iter__(self) -> Iterator[Tool]:
        return iter(self._tools)
