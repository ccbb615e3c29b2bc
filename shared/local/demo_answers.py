"""What the demo model says: a few plain rules over the conversation, none of them random."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.local.demo_arguments import guess_arguments
from shared.local.demo_message import heard
from shared.local.demo_tools import names_tool, tool_for
from shared.local.demo_verdict import NAME, verdict
from shared.local.messages_api import blocks, text_of

_PLAIN = "I am the demo model: no API key is set, so I follow a few simple rules."
_BRIEFLY = "(I am the demo model.)"
_LONGEST_QUOTE = 200
_LONGEST_LIST = 800
_ASKED_WHAT_I_SAID = re.compile(
    r"what (did|have) i (just )?(say|said|ask|asked|tell|told|write|written)"
    r"|what was my (last|previous|first) (message|question)|do you remember|repeat what i said",
    re.IGNORECASE,
)
_ASKED_FIRST = re.compile(r"\bfirst\b", re.IGNORECASE)
_ASKED_FACT = re.compile(r"\bwhat(?:'s| is| was) my ([\w -]+?)\s*\?", re.IGNORECASE)


@dataclass(frozen=True)
class Call:
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    text: str
    call: Call | None = None


def answer(request: Mapping[str, Any]) -> Answer:
    """Word a tool's result, recall what was said, call a tool that is named or asked for, or
    acknowledge what was said; beside that tell what was found for it and what came with it.

    By `tool_choice` "any" a tool is called in any case, and by "none" none is.
    """
    messages: Sequence[Mapping[str, Any]] = request["messages"]
    given = request.get("tool_choice")
    choice = given.get("type") if isinstance(given, Mapping) else "auto"
    tools = [] if choice == "none" else request.get("tools", [])
    latest = heard(messages[-1])
    if choice == "any" and tools:
        return _called(_chosen(latest.words, tools))
    if results := [b for b in blocks(messages[-1]) if b["type"] == "tool_result"]:
        return Answer(f"{_worded(results, _tool_names(messages))} {_BRIEFLY}")
    said = [heard(entry).words for entry in messages[:-1] if entry["role"] == "user"]
    return _answered(latest.words, [words for words in said if words], tools, latest.beside())


def _answered(
    latest: str, earlier: Sequence[str], tools: Sequence[Mapping[str, Any]], beside: str
) -> Answer:
    """What follows from the words, then what is `beside` them."""
    beside = f" {beside}" if beside else ""
    if not latest:
        return Answer(f"{_PLAIN} There was nothing to read in your message.{beside}")
    if (recalled := _recalled(latest, earlier)) and not names_tool(latest, tools):
        return Answer(f"{recalled}{beside}")
    if tool := tool_for(latest, tools):
        arguments = guess_arguments(latest, tool["name"], tool["input_schema"])
        return _called(Call(tool["name"], arguments), beside)
    return Answer(f"{_acknowledged(latest, len(earlier) + 1)}{beside}")


def _called(call: Call, beside: str = "") -> Answer:
    return Answer(f"I will use {call.name} for that. {_BRIEFLY}{beside}", call)


def _chosen(text: str, tools: Sequence[Mapping[str, Any]]) -> Call:
    """A call in any case: the one that fits, or else the first tool."""
    if judged := verdict(text, tools):
        return Call(NAME, judged)
    tool = tool_for(text, tools) or tools[0]
    return Call(tool["name"], guess_arguments(text, tool["name"], tool["input_schema"]))


def _acknowledged(latest: str, count: int) -> str:
    messages = "one message" if count == 1 else f"{count} messages"
    return f"{_PLAIN} You said: “{_quoted(latest)}” I have seen {messages} from you so far."


def _recalled(latest: str, earlier: Sequence[str]) -> str | None:
    if asked := _ASKED_FACT.search(latest):
        if found := _fact(asked[1], earlier):
            return f"You told me that your {asked[1].lower()} is {found}. {_BRIEFLY}"
        if not _ASKED_WHAT_I_SAID.search(latest):
            return f"{_PLAIN} You have not told me your {asked[1].lower()} yet."
    if not _ASKED_WHAT_I_SAID.search(latest):
        return None
    if not earlier:
        return f"{_PLAIN} This is your first message, so there is nothing to recall."
    which, text = ("First", earlier[0]) if _ASKED_FIRST.search(latest) else ("Before", earlier[-1])
    count = len(earlier) + 1
    seen = f"I have seen {count} messages from you so far."
    return f"{which} you said: “{_quoted(text)}” {seen} {_BRIEFLY}"


def _fact(name: str, earlier: Sequence[str]) -> str | None:
    told = re.compile(rf"\bmy {re.escape(name)} is ([^.,;!?\n]+)", re.IGNORECASE)
    return next(
        (found[1].strip() for text in reversed(earlier) if (found := told.search(text))), None
    )


def _tool_names(messages: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    return {
        block["id"]: block["name"]
        for entry in messages
        for block in blocks(entry)
        if block["type"] == "tool_use"
    }


def _worded(results: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> str:
    return " ".join(_result(result, names[result["tool_use_id"]]) for result in results)


def _result(result: Mapping[str, Any], name: str) -> str:
    content = result.get("content") or ""
    text = content if isinstance(content, str) else text_of({"content": content})
    if result.get("is_error"):
        return f"The tool {name} did not work: {_quoted(text)}"
    return f"The tool {name} answered: {_readable(text)}" if text else f"The tool {name} is done."


def _readable(text: str) -> str:
    try:
        value = json.loads(text)
    except ValueError:
        return _quoted(text)
    if isinstance(value, list) and any(isinstance(entry, dict) for entry in value):
        return _quoted("; ".join(map(_told, value)), _LONGEST_LIST)
    return _quoted(_told(value))


def _told(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_flat(entry)}" for key, entry in value.items())
    return _flat(value)


def _flat(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _quoted(text: str, longest: int = _LONGEST_QUOTE) -> str:
    text = " ".join(text.split())
    return text if len(text) <= longest else f"{text[:longest]}…"
