"""Which processes of a workspace live, and what becomes of the leases of those that do not."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from shared.clock import SystemClock
from shared.local.instances import Instances
from shared.mailbox.box import Box, Timing
from shared.mailbox.holder import Holder
from shared.mailbox.leases import Lease
from shared.mailbox.listeners import new_box
from shared.storage.folder import FolderArtifacts
from shared.storage.sqlite import SqliteTable
from shared.storage.table import Item
from shared.storage.wrapper import ResilientTable
from tests.local.lease_taker import box_key

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 30.0


class Workspace:
    """A folder with a table and the names of its processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names = folder / "instances"
        self.clock = SystemClock()
        self.engine = SqliteTable(folder / "parley.db")
        self.table = ResilientTable(self.engine, FolderArtifacts(folder), self.clock)
        self.holder = Holder(self.table, self.clock, Timing())

    def make(self, name: str) -> None:
        self.table.write([new_box(box_key(name), self.clock)])

    def box(self, name: str) -> Box:
        item = self.table.get([box_key(name).item])[0]
        return Box.read(box_key(name), item or Item(box_key(name).item))

    def take(self, name: str) -> tuple[Lease, Box] | Box:
        return self.holder.take(box_key(name), "me/1")

    def listed(self) -> list[str]:
        return sorted(path.name for path in self.names.iterdir())


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    made = Workspace(tmp_path)
    yield made
    made.engine.close()


@contextmanager
def instances(workspace: Workspace) -> Iterator[Instances]:
    made = Instances(workspace.names)
    yield made
    made.close()


@contextmanager
def taker(workspace: Workspace, name: str) -> Iterator["subprocess.Popen[str]"]:
    """Another process that has taken the mailbox's lease. It is killed at the end."""
    workspace.make(name)
    with subprocess.Popen(
        [sys.executable, "-m", "tests.local.lease_taker", str(workspace.folder), name],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "taken\n"
            yield process
        finally:
            process.kill()


def test_a_killed_process_s_lease_is_free_and_its_crash_is_counted(workspace: Workspace) -> None:
    with taker(workspace, "c1") as process:
        process.kill()
        process.wait(PATIENCE)
        assert isinstance(workspace.take("c1"), Box), "the lease ends by itself only later"
        before = workspace.box("c1")

        with instances(workspace) as own:
            assert not own.others_alive()
            assert own.release_dead(workspace.table, workspace.clock) == 1
            assert workspace.listed() == [own.own]

        released = workspace.box("c1")
        assert (released.owner, released.epoch) == (before.owner, before.epoch)
        assert released.due is not None
        assert released.due <= workspace.clock.now()
        taken = workspace.take("c1")
        assert isinstance(taken, tuple)
        assert (taken[1].crashes, taken[1].epoch) == (1, before.epoch + 1)


def test_a_living_process_s_lease_is_left_alone(workspace: Workspace) -> None:
    with taker(workspace, "c1"), instances(workspace) as own:
        before = workspace.box("c1")

        assert own.others_alive()
        assert own.release_dead(workspace.table, workspace.clock) == 0
        assert workspace.box("c1") == before
        assert len(workspace.listed()) == 2


def test_of_two_processes_only_the_dead_one_loses_its_lease(workspace: Workspace) -> None:
    with taker(workspace, "alive"), taker(workspace, "dead") as dead, instances(workspace) as own:
        before = workspace.box("alive")
        dead.kill()
        dead.wait(PATIENCE)

        assert own.release_dead(workspace.table, workspace.clock) == 1
        assert workspace.box("alive") == before
        assert isinstance(workspace.take("dead"), tuple)
        assert own.others_alive()


def test_a_process_that_ended_amid_work_is_taken_over_like_a_dead_one(
    workspace: Workspace,
) -> None:
    """`close(idle=False)` leaves the name behind for that."""
    with taker(workspace, "c1") as process:
        process.communicate(timeout=PATIENCE)
        assert process.returncode == 0
        assert len(workspace.listed()) == 1

        with instances(workspace) as own:
            assert own.release_dead(workspace.table, workspace.clock) == 1
        assert isinstance(workspace.take("c1"), tuple)


def test_a_lease_that_somebody_took_over_is_not_released(workspace: Workspace) -> None:
    with taker(workspace, "c1") as process:
        process.kill()
        process.wait(PATIENCE)
        with instances(workspace) as own:
            own.release_dead(workspace.table, workspace.clock)
            workspace.take("c1")
            mine = workspace.box("c1")

            assert own.release_dead(workspace.table, workspace.clock) == 0
            assert workspace.box("c1") == mine


def test_all_leases_of_a_dead_process_are_released(workspace: Workspace) -> None:
    """In whichever shard of the index they stand."""
    gone = Instances(workspace.names)
    for number in range(40):
        workspace.make(f"c{number}")
        workspace.holder.take(box_key(f"c{number}"), f"{gone.own}/{number}")
    gone.close(idle=False)

    with instances(workspace) as own:
        assert own.release_dead(workspace.table, workspace.clock) == 40
        assert own.release_dead(workspace.table, workspace.clock) == 0
    assert all(isinstance(workspace.take(f"c{number}"), tuple) for number in range(40))


@pytest.mark.parametrize(("idle", "left"), [(True, 0), (False, 1)])
def test_who_ends_idle_takes_its_name_along(workspace: Workspace, idle: bool, left: int) -> None:
    made = Instances(workspace.names)
    made.close(idle=idle)

    assert len(workspace.listed()) == left


def test_names_differ_and_alone_nobody_else_is_alive(workspace: Workspace) -> None:
    with ExitStack() as cleanup:
        first = cleanup.enter_context(instances(workspace))
        assert not first.others_alive()
        second = cleanup.enter_context(instances(workspace))
        assert first.own != second.own
        assert first.others_alive()
        assert second.others_alive()
