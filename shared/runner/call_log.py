"""What the log says of a call of a tool: never its arguments, nor its result."""

import logging

from shared.runner.batch import Call

log = logging.getLogger("parley")

UNKNOWN = "unknown"
"""In place of a name that is none of the agent's tools: the model made it up, of whatever."""


def tool_ended(call: Call, *, known: bool, failed: bool, seconds: float | None) -> None:
    """A call has a result; `seconds` is how long it took, None if it was not made."""
    fields = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": call.name if known else UNKNOWN,
        "call": call.key,
        "duration": None if seconds is None else round(seconds, 3),
        "error.type": "tool_error" if failed else None,
    }
    told = {name: value for name, value in fields.items() if value is not None}
    log.info("tool call ended", extra=told)
