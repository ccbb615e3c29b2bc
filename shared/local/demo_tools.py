"""Which tool the demo model takes for a message: the one that it names, or clearly asks for."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from shared.local.demo_arguments import can_guess, has_arithmetic

_ASKING = re.compile(
    r"\s*(?:(?:hi|hello|hey|please|and|so|ok|okay|then)\b[\s,!.]*)*"
    r"(?:what|which|where|when|who|how|is|are|do|does|did|can|could|would|will|show|list|find|get|"
    r"give|tell|look|check|search|fetch|calculate|compute|count|add|convert|translate|i (?:want|"
    r"need|would like))\b",
    re.IGNORECASE,
)
_COMMON = (
    "a about above all also am an and any are as at be been but by can could did do does first for"
    " from get give had has have he her his how i if in is it its last like look make many may me"
    " more much my need new no not of off on one only or our out over say she show so some such"
    " tell than that the their them then there these they thing this time to tool two up us use"
    " want was way we were what when where which who why will with would you your"
)
_STOP_WORDS = frozenset(_COMMON.split())
_LEAST = 2
"""The score of one word of a tool's name; less is chance."""


def tool_for(text: str, tools: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The tool that the text names or asks for, or None: most of what people say asks for none.

    A question or a request asks for the tool whose name, description and arguments share most
    words with it, at least one of the name, if the text holds what the tool requires.
    """
    if named := _named(text, tools):
        return named
    if not (_ASKING.match(text) or text.rstrip().endswith("?")):
        return None
    fitting = [tool for tool in tools if can_guess(text, tool["input_schema"])]
    best = max(fitting, key=lambda tool: _score(text, tool), default=None)
    return best if best and _score(text, best) >= _LEAST else None


def names_tool(text: str, tools: Sequence[Mapping[str, Any]]) -> bool:
    return _named(text, tools) is not None


def _named(text: str, tools: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The tool whose name the text mentions, in words too; the longest name if there are more."""
    return max(
        (tool for tool in tools if _mentions(text, tool["name"])),
        key=lambda tool: len(tool["name"]),
        default=None,
    )


def _mentions(text: str, name: str) -> bool:
    words = r"[\s_-]+".join(re.escape(word) for word in re.split(r"[_-]+", name))
    return re.search(rf"(?<!\w){words}(?!\w)", text, re.IGNORECASE) is not None


def _score(text: str, tool: Mapping[str, Any]) -> float:
    """Twice the words of the tool's name in the text; if there are any, also those of its
    description and arguments. An argument that the text leaves unsaid tells equals apart."""
    properties: Mapping[str, Any] = tool["input_schema"].get("properties", {})
    if "expression" in properties and has_arithmetic(text):
        return 2 * _LEAST
    said = content_words(text)
    name = content_words(tool["name"])
    hits = len(said & name)
    if not hits:
        return 0
    described = content_words(tool.get("description", "")) | content_words(" ".join(properties))
    required = len(tool["input_schema"].get("required", []))
    # What the tool requires is in the text, so a tool that uses it fits better than one without.
    return 2 * hits + 0.5 * len(said & (described - name)) + min(required, 2)


def content_words(text: str) -> frozenset[str]:
    """The words that say something, in small letters, without the s of a plural."""
    found = re.findall(r"[^\W\d_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).lower())
    return frozenset(_stem(word) for word in found if word not in _STOP_WORDS)


def _stem(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
