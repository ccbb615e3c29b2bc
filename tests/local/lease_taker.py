"""A process that lives as `parley dev` does, takes a lease, and never gives it back.

    python -m tests.local.lease_taker <folder> <id of the mailbox>

It says "taken" and waits until its standard input ends, or until somebody kills it.
"""

import sys
from pathlib import Path

from shared.clock import SystemClock
from shared.ids import new_id
from shared.local.instances import Instances
from shared.mailbox.box import Box, BoxKey, Timing
from shared.mailbox.holder import Holder
from shared.storage.folder import FolderArtifacts
from shared.storage.sqlite import SqliteTable
from shared.storage.wrapper import ResilientTable


def box_key(name: str) -> BoxKey:
    return BoxKey("conv", "acme", name)


def main() -> None:
    folder, name = Path(sys.argv[1]), sys.argv[2]
    clock = SystemClock()
    instances = Instances(folder / "instances")
    engine = SqliteTable(folder / "parley.db")
    table = ResilientTable(engine, FolderArtifacts(folder), clock)
    holder = Holder(table, clock, Timing())
    taken = holder.take(box_key(name), f"{instances.own}/{new_id()}")
    assert not isinstance(taken, Box), taken
    sys.stdout.write("taken\n")
    sys.stdout.flush()
    sys.stdin.read()
    engine.close()
    instances.close(idle=False)


if __name__ == "__main__":
    main()
