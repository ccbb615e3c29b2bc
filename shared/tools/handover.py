"""`escalate`: an agent says that a person should take over."""

from collections.abc import Mapping
from typing import Any

from shared.tools.port import InvalidArguments, ToolContext, ToolResult

MAX_REASON = 1000
"""Characters."""

PASSED_ON = (
    "It has been passed on that a person should take over this conversation. Tell the user so in a "
    "sentence; promise neither that somebody comes, nor a name, nor a time."
)


class Escalate:
    """Notes that a person should take over the conversation, which goes on meanwhile. It does
    nothing by itself: what the result has to give goes out with the end of the turn, and whoever
    reads that asks somebody."""

    name = "escalate"
    description = (
        "Ask for a person to take over this conversation: when the user wants to talk to one, or "
        "when you cannot help any further. Call it once, then tell the user."
    )
    parameters: Mapping[str, Any] = {
        "type": "object",
        "properties": {
            "reason": {
                "type": "string",
                "description": (
                    "Why a person should take over, and what they need to know, for that person; "
                    f"up to {MAX_REASON} characters."
                ),
            }
        },
        "required": ["reason"],
    }
    repeatable = True
    parallel = True
    timeout = 5.0

    def run(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        """See `Tool`."""
        if unknown := sorted(set(arguments) - {"reason"}):
            raise InvalidArguments(f"{unknown[0]}: there is no such argument. Leave it out.")
        reason = arguments.get("reason")
        if not isinstance(reason, str) or not reason.strip():
            raise InvalidArguments("reason: must say why a person should take over.")
        reason = reason.strip()
        if len(reason) > MAX_REASON:
            raise InvalidArguments(f"reason: may have {MAX_REASON} characters. Shorten it.")
        return ToolResult(text=PASSED_ON, escalation=reason)
