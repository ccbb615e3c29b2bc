"""A Python function as a tool.

Its name is the tool's, its docstring the description, its type hints the schema. A parameter
annotated `ToolContext` is given the context and is not shown to the model.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from shared.tools.docstrings import said
from shared.tools.port import ToolContext, ToolResult
from shared.tools.python_arguments import Parameters
from shared.tools.results import as_text, checked
from shared.tools.specs import MAX_DESCRIPTION

DEFAULT_TIMEOUT = 30.0
"""Seconds."""

_NO_PLAIN_FUNCTION: Mapping[Callable[[Any], bool], str] = {
    inspect.iscoroutinefunction: "is async; tools are plain functions, so write def",
    inspect.isasyncgenfunction: "is an async generator; tools are plain functions",
    inspect.isgeneratorfunction: "is a generator; return a list",
    inspect.isclass: "is a class; name a function",
}


class PythonTool:
    """One function. It runs on the thread of whoever calls `run`."""

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: str,
        description: str | None = None,
        repeatable: bool = False,
        parallel: bool = True,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> None:
        """Without a `description`, that of the docstring.

        Raises:
            ValueError: this cannot be a tool; the reason, to go on where its name ends.
        """
        for is_kind, reason in _NO_PLAIN_FUNCTION.items():
            if is_kind(function):
                raise ValueError(reason)
        if not callable(function):
            raise ValueError("is no function")  # noqa: TRY004 - one kind of error
        told = said(function.__doc__)
        self._function = function
        self._parameters = Parameters(function, told.parameters)
        self.name = name
        self.description = description or told.description
        self.parameters: Mapping[str, Any] = self._parameters.schema
        self.repeatable = repeatable
        self.parallel = parallel
        self.timeout = timeout
        if not self.description:
            raise ValueError(
                "has no docstring; say in one what it does and when to use it, for the model"
            )
        if len(self.description) > MAX_DESCRIPTION:
            raise ValueError(
                f"has a docstring of more than {MAX_DESCRIPTION} characters; shorten it"
            )

    def check(self, arguments: Mapping[str, Any]) -> None:
        """Raises InvalidArguments: they do not fit the parameters."""
        self._parameters.read(arguments)

    def run(self, arguments: Mapping[str, Any], context: ToolContext) -> str | ToolResult:
        returned = self._function(**self._parameters.values(arguments, context))
        return checked(returned) if isinstance(returned, ToolResult) else as_text(returned)
