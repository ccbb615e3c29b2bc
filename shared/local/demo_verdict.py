"""The demo model's verdict on a step of a workflow, when it is asked for one."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from shared.local.demo_tools import content_words

NAME = "verdict"


def verdict(text: str, tools: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The arguments of `verdict`, if the text asks for one: yes when the message shares a word with
    the criteria of the step, else maybe, after a few of which a conversation goes on as well."""
    if not any(tool["name"] == NAME for tool in tools):
        return None
    try:
        asked = json.loads(text)
        message, criteria = asked["message"], asked["step"]["criteria"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    shared = content_words(str(message)) & content_words(str(criteria))
    return {"verdict": "yes" if shared else "maybe"}
