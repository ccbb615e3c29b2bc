"""Running the calls of one reply: side by side where they may, each noted before it begins.

A call that was noted as begun and has no result was interrupted. Nobody can tell whether it took
effect, so only a repeatable one is made again; the model is told the rest.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from shared.clock import Clock
from shared.runner.batch import Batch, Call, Outcome, late, make
from shared.runner.builtins import USER_INPUT, question_of
from shared.runner.call_log import tool_ended
from shared.runner.events import ToolEnded, ToolStarted
from shared.runner.history import Message
from shared.runner.host import Host
from shared.runner.request import TurnRequest
from shared.runner.text import clean
from shared.runner.waits import Waits
from shared.tools.port import InvalidArguments

Note = Callable[[Message, Sequence[str]], None]
"""Notes a result, and which calls begin next."""

MAX_PARALLEL = 8
MAX_CALLS = 64
"""Calls of one reply that are made; the model is told that the others were not."""

MAX_RESULT = 32_000
"""Characters of a result that the log and the model get whole."""

RESERVE = 5.0
"""Seconds that noting a call, and its result, may take beside the call itself."""

EXCERPT = 8_000
MAX_KEPT = 5_000_000
"""Characters of a long result that are kept beside the log."""

INTERRUPTED = (
    "This call was interrupted, and nobody knows whether it took effect. "
    "Find out before you try again, or tell the user."
)


NOT_MADE = "Not called: the turn ended before."


def calls_of(number: int, content: Sequence[Mapping[str, Any]]) -> list[Call]:
    """The calls in the message with this number of the log."""
    asked = [block for block in content if block["type"] == "tool_use"]
    return [
        Call(f"{number}-{index}", block["id"], block["name"], block["input"])
        for index, block in enumerate(asked)
    ]


def open_calls(progress: Sequence[Message], first: int) -> list[Call]:
    """The calls at the end of a turn's notes that have no result; `first` is the number of the
    first note."""
    answered: set[str] = set()
    for position in range(len(progress) - 1, -1, -1):
        entry = progress[position]
        if entry["role"] != "tool":
            calls = calls_of(first + position, entry.get("content") or [])
            return [call for call in calls if call.key not in answered]
        answered.add(entry["call"])
    return []


def not_made(call: Call) -> Message:
    """The note of a call that never began, when its turn ends."""
    note: Message = {"role": "tool", "call": call.key, "call_id": call.id, "name": call.name}
    return {**note, "text": NOT_MADE, "is_error": True}


class Calls:
    """Makes calls on behalf of one turn."""

    def __init__(self, host: Host, request: TurnRequest, clock: Clock, note: Note) -> None:
        self._host = host
        self._note = note
        self._tools = {tool.name: tool for tool in request.tools}
        self._builtins = request.builtins
        self._waits = Waits(host, self._tools, request.gates, request.renders)
        self._clock = clock
        self._took: dict[str, float] = {}
        self.question: str | None = None
        """What the user is to be asked: the turn ends with it."""

    def first(self, calls: Sequence[Call]) -> list[str]:
        """The keys of the calls that begin right after a reply; for the note of the reply.

        Raises what `Host.ready` raises: then none may begin.
        """
        groups = self._groups(calls)
        return self._ready(groups[0]) if groups else []

    def run(
        self, calls: Sequence[Call], begun: Sequence[str] = ()
    ) -> Iterator[ToolStarted | ToolEnded]:
        """Make the calls; those in `begun` have just been noted as begun, and no other."""
        yield from self._refuse(calls)
        groups = self._groups(calls)
        for index, group in enumerate(groups):
            after = groups[index + 1] if index + 1 < len(groups) else []
            begun = yield from self._group(group, begun, after)
        yield from self._ask(calls)

    def _groups(self, calls: Sequence[Call]) -> list[list[Call]]:
        """Calls that run side by side; in order, so that a call which runs alone comes after all
        that the model asked for before it."""
        groups: list[list[Call]] = []
        for call in calls:
            if not self._is_known(call) or self._asks(call) or _index(call) >= MAX_CALLS:
                continue
            last = groups[-1] if groups else None
            beside = last is not None and self._parallel(call) and self._parallel(last[-1])
            if last and beside and len(last) < MAX_PARALLEL:
                last.append(call)
            else:
                groups.append([call])
        return groups

    def _parallel(self, call: Call) -> bool:
        return not self._waits.concerns(call) and self._tools[call.name].parallel

    def _is_known(self, call: Call) -> bool:
        return call.name in self._tools or self._waits.concerns(call) or self._asks(call)

    def _asks(self, call: Call) -> bool:
        named = call.name == USER_INPUT.name and call.name in self._builtins
        return named and call.name not in self._tools

    def _refuse(self, calls: Sequence[Call]) -> Iterator[ToolStarted | ToolEnded]:
        """The calls that cannot be made at all."""
        for call in calls:
            known = self._is_known(call)
            if not known and self._host.started(call.key):
                # It had begun when the agent still had the tool.
                said = INTERRUPTED
            elif not known:
                names = ", ".join(self._tools) or "none"
                said = f"There is no tool {call.name}. The tools are: {names}."
            elif _index(call) >= MAX_CALLS:
                said = f"Not called: one reply may have {MAX_CALLS} calls."
            else:
                continue
            if not self._waits.shown(call):
                yield ToolStarted(call.key, call.name, self._waits.arguments(call))
            yield self._end(call, Outcome(said, is_error=True), [])

    def _ready(self, group: Sequence[Call]) -> list[str]:
        # Nothing begins where people are asked first.
        if not group or self._waits.concerns(group[0]):
            return []
        self._host.ready(RESERVE + max(self._tools[call.name].timeout for call in group))
        return [call.key for call in group]

    def _group(
        self, group: Sequence[Call], begun: Sequence[str], after: Sequence[Call]
    ) -> Generator[ToolStarted | ToolEnded, None, Sequence[str]]:
        """Make the calls of one group; returns the keys of `after` if they were noted as begun."""
        if self._waits.concerns(group[0]):
            outcome = yield from self._waited(group[0])
            if outcome is not None:
                noted, over = self._next(after)
                yield self._end(group[0], outcome, noted)
                if over is not None:
                    raise over
                return noted
        made: list[Call] = []
        for call in group:
            if not self._waits.concerns(call):
                yield ToolStarted(call.key, call.name, call.arguments)
            if self._is_lost(call, begun):
                yield self._end(call, Outcome(INTERRUPTED, is_error=True), [])
                continue
            if call.key not in begun:
                self._host.ready(RESERVE + self._tools[call.name].timeout)
                self._host.starting(call.key, self._waits.digest(call))
            made.append(call)
        return (yield from self._make(made, after))

    def _make(
        self, made: Sequence[Call], after: Sequence[Call]
    ) -> Generator[ToolEnded, None, Sequence[str]]:
        """Make calls that have been noted as begun."""
        waiting = dict.fromkeys(call.key for call in made)
        noted: list[str] = []
        for call, outcome in self._made(made):
            del waiting[call.key]
            over: Exception | None = None
            if not waiting:
                noted, over = self._next(after)
            yield self._end(call, outcome, noted)
            if over is not None:
                raise over
        return noted

    def _is_lost(self, call: Call, begun: Sequence[str]) -> bool:
        """Whether the call was interrupted and must not be made again."""
        interrupted = call.key not in begun and self._host.started(call.key)
        return interrupted and not self._tools[call.name].repeatable

    def _waited(self, call: Call) -> Generator[ToolStarted, None, Outcome | None]:
        """What a call comes to that people are asked about; None: it may be made."""
        lost = self._is_lost(call, ())
        outcome = Outcome(INTERRUPTED, is_error=True) if lost else self._waits.outcome(call)
        if not self._waits.shown(call):
            yield ToolStarted(call.key, call.name, self._waits.arguments(call))
        return outcome

    def _ask(self, calls: Sequence[Call]) -> Iterator[ToolStarted | ToolEnded]:
        """The question to the user, if there is one, is left open when all else is done."""
        for call in filter(self._asks, calls):
            try:
                question = question_of(call.arguments)
                if self.question is None:
                    self.question = question
                    continue
                said = "Not asked: ask one question at a time."
            except InvalidArguments as fault:
                said = f"Not asked. {fault}"
            yield ToolStarted(call.key, call.name, call.arguments)
            yield self._end(call, Outcome(said, is_error=True), [])

    def _next(self, after: Sequence[Call]) -> tuple[list[str], Exception | None]:
        """Whether the next group may begin. If not, the result that is at hand is noted first, and
        nothing as begun that will not begin here."""
        try:
            return self._ready(after), None
        except Exception as over:  # noqa: BLE001 - raised again when the result is noted
            return [], over

    def _end(self, call: Call, outcome: Outcome, starting: Sequence[str]) -> ToolEnded:
        text, artifact = self._fitting(call, outcome.text)
        note: Message = {"role": "tool", "call": call.key, "call_id": call.id, "name": call.name}
        kept = {**outcome.kept, **artifact}
        took = self._took.pop(call.key, None)
        tool_ended(call, known=self._is_known(call), failed=outcome.is_error, seconds=took)
        self._note({**note, "text": text, "is_error": outcome.is_error, **kept}, starting)
        return ToolEnded(call.key, call.name, text, outcome.is_error)

    def _fitting(self, call: Call, text: str) -> tuple[str, dict[str, str]]:
        text = clean(text)
        if len(text) <= MAX_RESULT:
            return text, {}
        name = self._host.keep(call.key, text[:MAX_KEPT])
        told = f"[This is the beginning. The whole result has {len(text)} characters.]"
        return f"{text[:EXCERPT]}\n{told}", {"artifact": name} if name else {}

    def _made(self, calls: Sequence[Call]) -> Iterator[tuple[Call, Outcome]]:
        """The calls with their outcomes, in the order in which they end."""
        if not calls:
            return
        batch, began = Batch(self._clock), self._clock.monotonic()
        with self._host.watching(batch.close):
            for call in calls:
                tool = self._tools[call.name]
                seconds = min(tool.timeout, self._host.ready(0))
                context = self._host.context(call.key, seconds=seconds)
                batch.start(call, seconds, partial(make, tool, call, context))
            while (ended := batch.next()) is not None:
                call, outcome = ended
                if outcome is None:
                    # Was it the call's time that ran out, or that of whoever runs the turn?
                    self._host.ready(0, begun=True)
                    outcome = late(self._tools[call.name])
                self._took[call.key] = self._clock.monotonic() - began
                yield call, outcome


def _index(call: Call) -> int:
    return int(call.key.rpartition("-")[2])
