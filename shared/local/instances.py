"""Which processes of a workspace live, so that the leases of dead ones need not be waited for.

Each process holds a lock on a file that bears its name. The lock ends with the process, however
it dies; whoever can take it knows that the other one is gone.
"""

import fcntl
from pathlib import Path

from shared.clock import Clock
from shared.ids import new_id
from shared.mailbox.box import SHARDS
from shared.storage.expressions import Assign, attr
from shared.storage.table import DUE, ConditionFailed, Key, Table, Update


class Instances:
    """The processes of one workspace; `own` is this one's name."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.own = new_id()
        self._path = folder / self.own
        self._file = self._path.open("w")
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def close(self, *, idle: bool = True) -> None:
        """This process works no more. If it was not `idle` its name stays, so that the next one
        takes over what it was doing."""
        if idle:
            self._path.unlink(missing_ok=True)
        self._file.close()

    def others_alive(self) -> bool:
        """Whether another process works in this workspace."""
        return any(path != self._path and not _dead(path) for path in self._folder.iterdir())

    def release_dead(self, table: Table, clock: Clock) -> int:
        """End the leases of dead processes, and make their mailboxes due; how many there were.

        The owner's name stays, so that whoever takes over counts the crash.
        """
        dead = [path for path in self._folder.iterdir() if path != self._path and _dead(path)]
        if not dead:
            return 0
        names = {path.name for path in dead}
        released = 0
        for shard in range(SHARDS):
            cursor = None
            while True:
                page = table.query_index(DUE, shard, cursor=cursor)
                for item in page.items:
                    released += _release(table, clock, item.key, names)
                cursor = page.cursor
                if cursor is None:
                    break
        for path in dead:
            path.unlink(missing_ok=True)
        return released


def _dead(path: Path) -> bool:
    try:
        with path.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except FileNotFoundError:
        return True
    return True


def _release(table: Table, clock: Clock, key: Key, names: set[str]) -> bool:
    item = table.get([key])[0]
    owner = item.attrs.get("owner") if item else None
    if owner is None or owner.split("/")[0] not in names:
        return False
    ended = [Assign(("until",), 0), Assign(("due",), clock.now())]
    try:
        table.update(Update(key, ended, attr("owner").eq(owner)))
    except ConditionFailed:
        return False
    return True
