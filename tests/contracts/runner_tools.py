"""The agent that every runner is tried with: its tools, its configuration, and what it says."""

import threading
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from shared.tools.port import ToolContext, ToolResult
from tests.support.manual_clock import PATIENCE
from tests.support.messages_api import Request, Step, ToolCall, last_words

INSTRUCTIONS = "Be kind."
MODEL, OTHER_MODEL, SKILL = "claude-sonnet-5", "claude-haiku-4-5", "concise-answers"

_TOOLS = """\
from tests.contracts.runner_tools import look_up, quote, ring, wait_at
"""
_YAML = f"""\
name: Host
instructions: {INSTRUCTIONS}
model: {MODEL}
models_allowed: [{OTHER_MODEL}]
overrides: [instructions, language, model]
suggested_replies: true
skills: [{SKILL}]
tools:
  - python: birds:look_up
  - python: birds:wait_at
  - python: birds:quote
  - {{python: "birds:ring", approval: required}}
  - builtin: request_user_input
"""


class Gate:
    """Where a call of a tool waits until the test lets it through."""

    def __init__(self) -> None:
        self._reached = threading.Semaphore(0)
        self._open = threading.Event()

    def await_reached(self) -> None:
        assert self._reached.acquire(timeout=PATIENCE), "no call has come to the gate"

    def open(self) -> None:
        self._open.set()

    def pass_through(self) -> None:
        self._reached.release()
        assert self._open.wait(PATIENCE), "the gate was never opened"


GATES: defaultdict[str, Gate] = defaultdict(Gate)
"""By name; each test takes a fresh name."""


def look_up(word: str, context: ToolContext) -> str:
    """Look a word up."""
    return f"{word}, for {context.user} of {context.tenant}"


def wait_at(gate: str) -> str:
    """Wait at a gate."""
    GATES[gate].pass_through()
    return "through"


QUOTED = {"id": "birds.md", "title": "Birds", "snippet": "Owls see.", "score": 1.5}
OPENED = {"type": "open_page", "page": 3}


def quote(book: str) -> ToolResult:
    """Quote a book."""
    return ToolResult(
        text=f"{book}: Owls see.", citations=[QUOTED], directive=OPENED, escalation="It is torn."
    )


def ring(bell: str) -> str:
    """Ring a bell. It is loud."""
    return f"{bell} rings"


def agent_folder(folder: Path, agent_id: str) -> Path:
    """A folder for the local configuration, with this agent in it."""
    folder.mkdir()
    (folder / f"{agent_id}.yaml").write_text(_YAML)
    (folder / "birds.py").write_text(_TOOLS)
    return folder


def answer(request: Request) -> str | Step:
    """Does what it is told: `use <tool> <argument>`, `fail`, `break`, and so on; repeats the rest.
    After a tool it says what that gave."""
    last = request["messages"][-1]["content"]
    if isinstance(last, list) and last[-1]["type"] == "tool_result":
        return f"It says: {last[-1]['content']}"
    verb, _, rest = last_words(request).rpartition("\n\n")[2].partition(" ")
    make = _TOLD.get(verb)
    return make(rest) if make else f"You said: {verb} {rest}".rstrip()


ARGUMENTS = {"look_up": "word", "wait_at": "gate", "ring": "bell", "quote": "book"}


def _use(rest: str) -> Step:
    tool, _, value = rest.partition(" ")
    given: dict[str, Any] = {ARGUMENTS[tool]: value}
    return Step(tokens=["Let ", "me see."], tool_calls=[ToolCall(name=tool, input=given)])


_TOLD: dict[str, Callable[[str], Step]] = {
    "use": _use,
    "ask": lambda question: Step(
        tokens=["I wonder."],
        tool_calls=[ToolCall(name="request_user_input", input={"question": question})],
    ),
    "misuse": lambda tool: Step(tool_calls=[ToolCall(name=tool, input={"nonsense": 1})]),
    "fail": lambda _: Step(status=400, error_type="invalid_request_error", error_message="secret"),
    "overload": lambda _: Step(status=529, error_message="secret"),
    "decline": lambda _: Step(stop_reason="refusal"),
    "think": lambda rest: Step(thinking=["Hm", "m."], tokens=["Thought", f" of {rest}"]),
    "suggest": lambda rest: Step(
        tokens=["Which", " one?\n\n<suggested", f'_replies>["{rest}"]</suggested_replies>']
    ),
    "stall": lambda _: Step(tokens=["And", " then"], stall_after=1),
    "ramble": lambda _: Step(tokens=["On and", " on"], stop_reason="max_tokens"),
}
