"""What the terminal says when an agent says that a person should take over."""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.cli.chat.clean import one_line
from shared.cli.chat.shapes import mapping, string


def handed_over(data: Mapping[str, Any]) -> Sequence[str]:
    """The lines about it that the end of a turn gives rise to: one, or none."""
    end = mapping(data, "data")
    if end.get("needsEscalation") is not True:
        return []
    reason = one_line(string(end, "escalationReason"))
    noted = "The agent has passed on that a person should take over"
    return [f"{noted}: {reason}" if reason else f"{noted}."]
