"""Calls under way, each on a thread of its own."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from shared.clock import Clock
from shared.models.port import StreamClosed
from shared.tools.port import InvalidArguments, Tool, ToolContext, ToolFault, ToolResult

log = logging.getLogger("parley")


@dataclass(frozen=True)
class Call:
    """One call that the model asked for. `key` is unique in the turn, `id` is the model's name for
    it, which need not be."""

    key: str
    id: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Outcome:
    """The result of a call, for the model; `kept` is what is noted beside it."""

    text: str
    is_error: bool = False
    kept: Mapping[str, Any] = field(default_factory=dict[str, Any])


class Batch:
    """Calls that run side by side. A thread cannot be ended from outside: one that is late or not
    wanted any more is left behind, and what it returns is dropped."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._ended: list[tuple[Call, Outcome]] = []
        self._deadlines: dict[str, tuple[float, Call]] = {}
        self._closed = False
        self._more = clock.event()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._more.set()

    def start(self, call: Call, seconds: float, work: Callable[[], Outcome]) -> None:
        def run() -> None:
            outcome = work()
            with self._lock:
                self._ended.append((call, outcome))
                self._more.set()

        self._deadlines[call.key] = (self._clock.monotonic() + seconds, call)
        self._clock.spawn(run, f"tool {call.name}")

    def next(self) -> tuple[Call, Outcome | None] | None:
        """The next call that has ended; without an outcome if its time has. None: that were all.

        Raises:
            StreamClosed: it was closed. What had ended by then is given out first.
        """
        while self._deadlines:
            with self._lock:
                ended = self._ended.pop(0) if self._ended else None
                if ended is None:
                    if self._closed:
                        raise StreamClosed
                    self._more = self._clock.event()
            if ended is not None:
                if self._deadlines.pop(ended[0].key, None) is not None:
                    return ended
                continue
            deadline, call = min(self._deadlines.values(), key=lambda entry: entry[0])
            if not self._more.wait(max(0.0, deadline - self._clock.monotonic())):
                del self._deadlines[call.key]
                return call, None
        return None


def late(tool: Tool) -> Outcome:
    """For a call whose time is over."""
    effect = "" if tool.repeatable else " Whether it took effect is not known."
    return Outcome(f"{tool.name} gave no result within {tool.timeout:g} s.{effect}", is_error=True)


def make(tool: Tool, call: Call, context: ToolContext) -> Outcome:
    """Make one call. Never raises: what went wrong is for the model, too."""
    try:
        result = tool.run(call.arguments, context)
        if isinstance(result, ToolResult):
            return Outcome(result.text, kept=result.kept())
        return Outcome(result)
    except InvalidArguments as fault:
        return Outcome(f"Not called. {fault}", is_error=True)
    except ToolFault as fault:
        log.info("tool did not work", extra={"tool": tool.name})
        return Outcome(str(fault), is_error=True)
    except BaseException as fault:  # noqa: BLE001 - whatever the tool's author left in it
        # Its text may hold what the user said; where it happened does not.
        log.warning("tool failed", extra={"tool": tool.name, "fault": where(fault)})
        return Outcome(f"{tool.name} failed. It may or may not have taken effect.", is_error=True)


def where(fault: BaseException) -> str:
    """What went wrong and in which line, without its text, which may hold what the user said."""
    trace = fault.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    place = f" in {trace.tb_frame.f_code.co_name}, line {trace.tb_lineno}" if trace else ""
    return f"{type(fault).__name__}{place}"
