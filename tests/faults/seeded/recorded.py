"""What has been written in a run, whether or not whoever wrote it heard of that."""

from collections.abc import Sequence

from shared.mailbox.box import BOX_SORT_KEY, BoxKey
from shared.mailbox.records import PREFIX
from shared.storage.expressions import Append, Assign, Change, Increment, Remove
from shared.storage.sqlite import SqliteTable
from shared.storage.table import Item, Key, Operation, Put, Update
from tests.faults.seeded.diary import Decided, Diary, Held, Shown
from tests.simulation.hub import Hub, SimTask
from tests.support.faults import Call, FaultyTable, Hooks


class Recorded(FaultyTable):
    """The engine itself: writes down which turns came in, which stops and decisions were noted,
    who has which mailbox, and how the records of the history stand."""

    def __init__(self, engine: SqliteTable, diary: Diary, hub: Hub) -> None:
        super().__init__(engine, self._note)
        self._diary = diary
        self._hub = hub

    def _note(self, call: Call) -> Hooks | None:
        if call.method not in ("write", "update"):
            return None
        return Hooks(after=lambda: self._written(call.operations))

    def _written(self, operations: Sequence[Operation]) -> None:
        for operation in operations:
            match operation:
                case Put(Item(key)) if key.sk.startswith("TURN#"):
                    self._diary.accepted.setdefault(key.pk, []).append(key.sk)
                    self._diary.mailboxes[_turn(key.sk)] = key.pk
                    self._diary.arrived[_turn(key.sk)] = self._hub.time
                case Put(Item(key)) if key.sk.startswith(PREFIX):
                    self._diary.records[key].append((self._hub.time, "queued"))
                case Update(key, changes) if key.sk == BOX_SORT_KEY:
                    for change in changes:
                        self._box(BoxKey.parse(key.pk).partition, change)
                case Update(key, changes) if key.sk.startswith("TURN#"):
                    for change in changes:
                        self._job(_turn(key.sk), change)
                case Update(key, changes) if key.sk.startswith(PREFIX):
                    self._record(key, changes)

    def _box(self, box: str, change: Change) -> None:
        diary, held = self._diary, self._diary.held
        match change:
            case Append(("stops",), ref):
                diary.stops[str(ref)] = self._hub.time
            case Increment(("epoch",)):
                diary.takes += 1
                process = SimTask.current().process.name
                held[box].append((self._hub.time, Held(process, diary.takes, 0)))
            case Assign(("until",), int(until)):
                _, last = held[box][-1]
                assert last is not None, "a lease that nobody holds was made longer"
                held[box].append((self._hub.time, last._replace(until=until)))
            case Remove(("owner",)):
                held[box].append((self._hub.time, None))

    def _job(self, turn: str, change: Change) -> None:
        diary, now = self._diary, self._hub.time
        match change:
            case Assign(("decisions", call), dict(decision)):
                diary.decided.append(Decided(now, turn, str(call), decision))
            case Assign(("pending",), dict(pending)):
                diary.pending[turn] = str(pending["call"])
            case Assign(("pending", "shown_at"), int(at)):
                diary.shown.setdefault((turn, diary.pending[turn]), Shown(now, at))

    def _record(self, key: Key, changes: Sequence[Change]) -> None:
        assigned = {each.path: each.value for each in changes if isinstance(each, Assign)}
        state = assigned.get(("outcome",), assigned.get(("state",)))
        if state is not None:
            self._diary.records[key].append((self._hub.time, str(state)))


def _turn(ref: str) -> str:
    return ref.rpartition("#")[2]
