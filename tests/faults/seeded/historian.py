"""The historian of a run: the product that keeps the history, on the other end of a wire.

A request that was sent arrives though its sender dies, stands still or does not wait any longer. A
request that was refused leaves nothing behind. The key of one that was done is known from then on,
if the historian honours keys; the same key with another content is a broken promise.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from shared.backends.control_plane import (
    CallRecord,
    ControlPlaneFault,
    Finalized,
    Malformed,
    NotThere,
    Refused,
    TranscriptSegment,
    Unavailable,
)
from shared.mailbox.box import BoxKey
from shared.mailbox.records import KIND
from tests.faults.seeded.chaos import Chaos
from tests.faults.seeded.diary import Diary
from tests.faults.seeded.keeping import Keeping
from tests.simulation.hub import Process, SimTask

Body = CallRecord | TranscriptSegment | Finalized

TIMEOUT = 5.0
"""Seconds that a sender waits for the answer."""


@dataclass(eq=False)
class Call:
    """What the historian has of one call, by its own name for it."""

    id: str
    record: CallRecord
    told: list["Told"] = field(default_factory=list["Told"])


@dataclass(frozen=True, eq=False)
class Told:
    """One thing that it has noted, the beginning of a call too, and the request that told it."""

    at: float
    body: Body
    call: Call
    request: "Request"


@dataclass(eq=False)
class Request:
    """One request. `leased`: its sender held the mailbox when it began. `answered` is when it was
    told that it is done, `refused` that it is not; `troubles` counts those of its process when it
    began."""

    at: float
    key: str
    body: Body
    process: str
    leased: bool
    troubles: int
    answered: float | None = None
    refused: float | None = None


class Historian:
    """The port `CallHistory`."""

    def __init__(self, chaos: Chaos, diary: Diary, keeping: Keeping) -> None:
        self.calls: dict[str, Call] = {}
        self.told: list[Told] = []
        self.requests: list[Request] = []
        self.honours_keys = keeping.honours_keys
        self._chaos = chaos
        self._hub = chaos.hub
        self._diary = diary
        self._manners = keeping.manners
        self._wire = Process(self._hub, "history")
        self._numbers = itertools.count(1)
        self._known: dict[tuple[str, str], Told] = {}
        self._away_until = 0.0
        self._refusing = 0

    def stay_away(self, seconds: float) -> None:
        """Take nothing for so long, while things go wrong."""
        self._away_until = self._hub.time + seconds

    # -- the port -------------------------------------------------------------------------

    def begin_call(self, record: CallRecord, *, key: str) -> str:
        return self._ask(record, key, record.conversation)

    def add_transcript(self, segment: TranscriptSegment, *, key: str) -> None:
        self._ask(segment, key, self._conversation(segment.call))

    def finalize_call(self, end: Finalized, *, key: str) -> None:
        self._ask(end, key, self._conversation(end.call))

    def _conversation(self, call: str) -> str:
        return self.calls[call].record.conversation if call in self.calls else ""

    # -- the wire -------------------------------------------------------------------------

    def _ask(self, body: Body, key: str, conversation: str) -> str:
        """One request; the answer is the call's name."""
        chaos, hub, process = self._chaos, self._hub, SimTask.current().process
        partition = BoxKey(KIND, body.tenant, conversation).partition
        leased = self._diary.take(partition, process, hub.time) is not None
        troubles = chaos.troubles[process.name]
        request = Request(hub.time, key, body, process.name, leased, troubles)
        self.requests.append(request)
        chaos.point()
        manners, seconds = self._manners, chaos.rng.uniform(0.005, 0.1)
        if chaos.hits(manners.slow):
            seconds = chaos.rng.choice([2.0, 8.0, 30.0])
        answers: list[str | ControlPlaneFault] = []
        if not chaos.hits(manners.lost_request):
            self._later(seconds / 2, lambda: answers.append(self._taken(request)))
        lost = chaos.hits(manners.lost_answer)
        garbled = chaos.hits(manners.garbled)
        hub.sleep(min(seconds, TIMEOUT))
        answer = (
            Unavailable("no answer") if lost or seconds > TIMEOUT or not answers else answers[0]
        )
        if garbled and not isinstance(answer, ControlPlaneFault):
            answer = Malformed("no JSON")
        if isinstance(answer, Refused | NotThere):
            request.refused = hub.time
        elif not isinstance(answer, ControlPlaneFault):
            request.answered = hub.time
        chaos.point()
        if isinstance(answer, ControlPlaneFault):
            raise answer
        return answer

    def _later(self, seconds: float, work: Callable[[], object]) -> None:
        def later() -> None:
            self._hub.sleep(seconds)
            work()

        self._hub.spawn(self._wire, later)

    def _taken(self, request: Request) -> str | ControlPlaneFault:
        """What comes of a request that has arrived."""
        chaos, manners, now = self._chaos, self._manners, self._hub.time
        if chaos.hits(manners.away):
            self.stay_away(chaos.rng.uniform(0.3, 1.0) * manners.stretch)
        if chaos.rates.on and now < self._away_until:
            return Unavailable("away", retry_after=chaos.rng.choice([None, None, 3.0]))
        if not self._refusing and chaos.hits(manners.refuses):
            self._refusing = chaos.rng.randint(1, manners.row)
        if chaos.rates.on and self._refusing:
            self._refusing -= 1
            return Refused("status 422")
        known = self._known.get((request.body.tenant, request.key))
        if known is None or not self.honours_keys:
            return self._noted(request)
        if known.body != request.body:
            self._diary.broken.append(
                f"{request.key} was told otherwise: {known.body}, then {request.body}"
            )
            return Refused("status 409")
        return known.call.id

    def _noted(self, request: Request) -> str | ControlPlaneFault:
        body = request.body
        if isinstance(body, CallRecord):
            call = Call(f"call-{next(self._numbers)}", body)
            self.calls[call.id] = call
        else:
            found = self.calls.get(body.call)
            if found is None or found.record.tenant != body.tenant:
                self._diary.broken.append(f"{request.key} is of a call that is not known: {body}")
                return NotThere("no such call")
            call = found
        told = Told(self._hub.time, body, call, request)
        self._known[body.tenant, request.key] = told
        self.told.append(told)
        call.told.append(told)
        self._diary.told.append((told.at, request.key))
        return call.id


def first_of_each(told: Sequence[Told]) -> list[Told]:
    """Without the copies."""
    found: dict[str, Told] = {}
    for each in told:
        found.setdefault(each.request.key, each)
    return list(found.values())
