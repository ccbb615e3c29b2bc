"""What a scripted Messages API server says, and to whom."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from shared.local.messages_api import Reply, ToolUse, complaint, text_of

Request = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class ToolCall:
    """A call of a tool; without an id it gets one that is unique in the script."""

    name: str
    input: Mapping[str, Any] = field(default_factory=dict)
    id: str = ""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One answer. The events of a stream are counted from 1, the deltas too.

    With `match`, the step is only for a request whose last words from the user contain it.
    `times` is how often it is to be used: None is any number, also none.
    """

    thinking: Sequence[str] = ()
    """Comes before the text, and signed: the signature is one delta more."""
    tokens: Sequence[str] = ()
    tool_calls: Sequence[ToolCall] = ()
    delay: float = 0.0
    """Seconds before each delta."""
    match: str | None = None
    times: int | None = 1
    stop_reason: str = ""
    model: str = ""
    input_tokens: int = 10
    output_tokens: int | None = None
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0

    status: int = 200
    """Anything else answers `error_type` and `error_message`, with `headers`."""
    headers: Mapping[str, str] = field(default_factory=dict)
    error_type: str = "overloaded_error"
    error_message: str = "scripted failure"

    stall_after: int | None = None
    """After so many deltas say nothing any more; -1: not even the headers."""
    silent_after: int | None = None
    """After so many events say nothing any more."""
    drop_after: int | None = None
    """After so many events drop the connection; -1: before the headers."""
    truncate_after: int | None = None
    """After so many events end the body, as if that were all."""
    error_after: int | None = None
    """After so many events send an `error` event, and end the body."""

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> "Step":
        """A step from a script file; an unknown field is an error."""
        unknown = set(entry) - {each.name for each in fields(cls)}
        if unknown:
            raise ValueError(f"unknown fields in a step: {sorted(unknown)}")
        calls = [ToolCall(**call) for call in entry.get("tool_calls", [])]
        return cls(**{**entry, "tool_calls": calls})


Answer = str | Step
Chosen = Step | Callable[[Request], Answer]


def echo(request: Request) -> str:
    """Words that show what arrived: what was said, how many messages, and what was said before."""
    said = [text for entry in request["messages"] if (text := user_words(entry))]
    if not said:
        return "Done."
    if "what did i say" in said[-1].lower() and len(said) > 1:
        return f"Before that you said: {said[-2]} (message {len(said)})"
    return f"You said: {said[-1]} (message {len(said)})"


def plain(request: Request) -> dict[str, Any]:
    """The request without its breakpoints for the cache, and with a single text as a string: what
    was asked, however it was put."""
    put = dict(request)
    if "system" in put:
        put["system"] = _one_text(put["system"])
    if "tools" in put:
        put["tools"] = [_unmarked(tool) for tool in put["tools"]]
    put["messages"] = [
        {**entry, "content": _one_text(entry["content"])} for entry in put["messages"]
    ]
    return put


def _one_text(content: Any) -> Any:
    if isinstance(content, str):
        return content
    blocks = [_unmarked(block) for block in content]
    if len(blocks) == 1 and set(blocks[0]) == {"type", "text"}:
        return blocks[0]["text"]
    return blocks


def _unmarked(block: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in block.items() if name != "cache_control"}


def user_words(entry: Mapping[str, Any]) -> str:
    return text_of(entry) if entry["role"] == "user" else ""


class Script:
    """Hands out steps in their order, then the default; keeps a list of what went wrong."""

    def __init__(
        self, steps: Sequence[Chosen], default: Callable[[Request], Answer] | None = None
    ) -> None:
        self._lock = threading.Lock()
        self._left: list[tuple[Chosen, int | None]] = [
            (step, step.times if isinstance(step, Step) else 1) for step in steps
        ]
        self._default = default
        self.wrong: list[str] = []

    def answer(self, request: Request) -> Step:
        """The step for this request. One that breaks the API's rules is refused and noted."""
        if said := complaint(request):
            return self._refuse(said)
        request = plain(request)
        with self._lock:
            chosen = self._take(request) or self._default
        if chosen is None:
            return self._refuse(f"unexpected request: {last_words(request)!r}")
        answer = chosen if isinstance(chosen, Step) else chosen(request)
        return Step(tokens=_words(answer)) if isinstance(answer, str) else answer

    def unused(self) -> list[Chosen]:
        with self._lock:
            return [step for step, times in self._left if times]

    def _take(self, request: Request) -> Chosen | None:
        for index, (step, times) in enumerate(self._left):
            if times == 0:
                continue
            if isinstance(step, Step) and (step.match or "") not in last_words(request):
                continue
            self._left[index] = (step, None if times is None else times - 1)
            return step
        return None

    def _refuse(self, said: str) -> Step:
        self.wrong.append(said)
        return Step(status=400, error_type="invalid_request_error", error_message=said)


def reply_for(step: Step, request: Request, number: int) -> Reply:
    """The step as a reply to the request, the `number`th of this server."""
    calls = [
        ToolUse(id=call.id or f"toolu_{number}_{index}", name=call.name, input=call.input)
        for index, call in enumerate(step.tool_calls)
    ]
    spoken = len(step.thinking) + len(step.tokens) + len(calls)
    return Reply(
        id=f"msg_{number}",
        model=step.model or request["model"],
        thinking=step.thinking,
        chunks=step.tokens,
        tool_uses=calls,
        stop_reason=step.stop_reason or ("tool_use" if calls else "end_turn"),
        input_tokens=step.input_tokens,
        output_tokens=spoken if step.output_tokens is None else step.output_tokens,
        cache_read_tokens=step.cache_read_tokens,
        cache_write_tokens=step.cache_write_tokens,
    )


def last_words(request: Request) -> str:
    return next((text for e in reversed(request["messages"]) if (text := user_words(e))), "")


def _words(text: str) -> list[str]:
    return [word if index == 0 else f" {word}" for index, word in enumerate(text.split(" "))]
