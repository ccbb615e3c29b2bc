"""What tests of tools call them with."""

from collections.abc import Callable
from typing import Any

from shared.tools.port import ToolContext
from shared.tools.python_tool import PythonTool


def context(**values: Any) -> ToolContext:
    usual = {
        "tenant": "acme",
        "user": "ada",
        "conversation": "c1",
        "session": "s1",
        "turn": "t1",
        "call": "k1",
        "idempotency_key": "t1:k1",
        "deadline": 1e9,
    }
    return ToolContext(**{**usual, **values})


def tool(function: Any, **more: Any) -> PythonTool:
    return PythonTool(function, name="tool", **{"description": "Do it.", **more})


def run(function: Callable[..., Any], **arguments: Any) -> Any:
    return tool(function).run(arguments, context())
