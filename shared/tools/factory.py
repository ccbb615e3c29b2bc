"""From the `tools` of an agent's configuration to its toolbox."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from shared.protocol.faults import Fault
from shared.tools.arguments import Check, checked
from shared.tools.port import Tool
from shared.tools.python_modules import PythonModules
from shared.tools.python_tool import DEFAULT_TIMEOUT, PythonTool
from shared.tools.specs import ToolSpec
from shared.tools.toolbox import Toolbox, ToolRefused

log = logging.getLogger("parley")

Maker = Callable[[ToolSpec, Check], Tool]
"""Makes an HTTP or a Lambda tool from its entry and the check of its arguments. A ValueError says
what is wrong with the entry's `http` or `lambda`; it goes on where the name of that ends."""


class Toolmaker:
    """Makes toolboxes; the Python files of one folder are loaded once for all of them."""

    def __init__(self, modules: PythonModules, *, http: Maker, lambda_: Maker) -> None:
        self._modules = modules
        self._http = http
        self._lambda = lambda_

    def version(self) -> int:
        """Another number than before when the Python files have changed, and a toolbox that was
        made before is out of date."""
        return self._modules.version()

    def toolbox(self, specs: Sequence[ToolSpec]) -> Toolbox:
        """The tools that these entries describe; built-in ones are made by whoever runs turns.

        Raises:
            ToolRefused: the first that cannot be made.
        """
        seen: dict[str, int] = {}
        for index, spec in enumerate(specs):
            first = seen.setdefault(spec.called, index)
            if first != index:
                reason = f'has the name "{spec.called}" as tools.{first} has; change one of them'
                raise ToolRefused(Fault(("tools", index), reason))
        return Toolbox(self._tool(index, spec) for index, spec in _made_here(specs))

    def remaining(self, specs: Sequence[ToolSpec]) -> Toolbox:
        """Those of the tools that can be made: for entries from another day, whose Python function
        may be gone since. The log names those that are left out."""
        return Toolbox(self._remaining(specs))

    def _remaining(self, specs: Sequence[ToolSpec]) -> Iterator[Tool]:
        for index, spec in _made_here(specs):
            try:
                tool = self._tool(index, spec)
            except ToolRefused as wrong:
                log.warning(
                    "tool left out", extra={"tool": spec.called, "reason": wrong.fault.reason}
                )
            else:
                yield tool

    def _tool(self, index: int, spec: ToolSpec) -> Tool:
        if spec.python is not None:
            with _refused_at(index, "python"):
                return PythonTool(
                    self._modules.function(spec.python),
                    name=spec.called,
                    description=spec.description,
                    repeatable=spec.repeatable,
                    parallel=spec.parallel,
                    timeout=spec.timeout_sec or DEFAULT_TIMEOUT,
                )
        with _refused_at(index, "parameters"):
            check = checked(spec.parameters or {})
        if spec.http is not None:
            with _refused_at(index, "http"):
                return self._http(spec, check)
        with _refused_at(index, "lambda"):
            return self._lambda(spec, check)


def _made_here(specs: Sequence[ToolSpec]) -> Iterator[tuple[int, ToolSpec]]:
    return ((index, spec) for index, spec in enumerate(specs) if spec.builtin is None)


@contextmanager
def _refused_at(index: int, field: str) -> Iterator[None]:
    try:
        yield
    except ValueError as wrong:
        raise ToolRefused(Fault(("tools", index, field), str(wrong))) from wrong
