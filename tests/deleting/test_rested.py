"""Since when a conversation rests: since it was used last, whatever else looks at it meanwhile."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from shared.conversations.items import DELETING, meta_key
from shared.mailbox.box import BoxKey
from shared.storage.sqlite import SqliteTable
from shared.storage.table import Table
from tests.backends.bridge import Bridge, close_bridges, keeping
from tests.deleting.house import ADMIN, ANN, BOB, House
from tests.support.reference_backend import ReferenceBackend
from tests.walls.people import Person

HOUR = 3600
DAY = 24 * HOUR
IDLE = 30 * 60
"""Seconds after which the call of a conversation ends that nobody uses."""

# -- asked for: `idle_days` ---------------------------------------------------------------------


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with closing(SqliteTable(tmp_path / "house.db")) as table:
        yield House(tmp_path / "files", table)


def said(house: House, person: Person, session: str | None = None) -> str:
    """A turn that has ended; its session."""
    asked = house.asked(person, **({} if session is None else {"session_id": session}))
    house.decide(person, asked["prompt"]["approval_id"], True)
    house.work()
    return str(asked["session_id"])


def conversation(house: House, person: Person) -> str:
    [listed] = house.by(person, "GET", "/conversations").body
    return str(listed["conversation_id"])


def test_an_old_conversation_that_was_used_lately_stays(house: House) -> None:
    used, left = said(house, ANN), said(house, BOB)
    names = {ANN: conversation(house, ANN), BOB: conversation(house, BOB)}
    house.pass_time(6 * DAY)
    said(house, ANN, used)
    house.pass_time(2 * DAY)
    before = house.traces([names[ANN], used])
    asked = house.by(ADMIN, "DELETE", "/tenants/acme/data?idle_days=7")
    assert asked.status == 202, asked.text
    house.rest(6)
    assert house.traces([names[BOB], left]) == []
    assert house.traces([names[ANN], used]) == before
    assert house.by(ANN, "GET", f"/conversations/{names[ANN]}").status == 200
    deletion = house.by(ADMIN, "GET", f"/deletions/{asked.body['deletion_id']}").body
    assert (deletion["status"], deletion["conversations"]) == ("deleted", 1)


# -- by itself, beside the end of a call that a backend is told of ------------------------------


@pytest.fixture
def backend() -> Iterator[ReferenceBackend]:
    with keeping() as running:
        yield running
    close_bridges()


def bridged(
    backend: ReferenceBackend, folder: Path, engine: Table | None = None, **environ: str
) -> Bridge:
    return Bridge(backend, folder, engine, RETENTION_DAYS="1", **environ)


def stands(bridge: Bridge, box: BoxKey) -> bool:
    """Whether it is there, and not being deleted."""
    meta = bridge.get(meta_key(box))
    return meta is not None and DELETING not in meta.attrs


def calls(bridge: Bridge) -> list[str]:
    """What the backend was told of the calls themselves."""
    return [each for each in bridge.told() if each in ("begin", "finalize")]


def test_the_end_of_a_call_comes_in_its_time_and_removes_nothing(
    backend: ReferenceBackend, tmp_path: Path
) -> None:
    bridge = bridged(backend, tmp_path)
    bridge.say()
    box = bridge.box
    bridge.deliver(IDLE - 120)
    assert calls(bridge) == ["begin"]
    bridge.deliver(300)
    assert calls(bridge) == ["begin", "finalize"]
    assert stands(bridge, box)
    bridge.deliver(DAY - IDLE - 600)
    assert stands(bridge, box)
    bridge.deliver(900)
    assert not stands(bridge, box)
    bridge.deliver(600)
    assert bridge.get(meta_key(box)) is None
    assert calls(bridge) == ["begin", "finalize"]


def test_one_that_is_used_again_rests_from_then_on(
    backend: ReferenceBackend, tmp_path: Path
) -> None:
    bridge = bridged(backend, tmp_path)
    bridge.say()
    box = bridge.box
    bridge.deliver(20 * HOUR)
    bridge.say()
    # The end of this call is looked at when the conversation is older than it may rest.
    bridge.rest(4.2 * HOUR)
    bridge.deliver(IDLE)
    assert calls(bridge) == ["begin", "finalize"] * 2
    assert stands(bridge, box)
    bridge.deliver(19 * HOUR)
    assert stands(bridge, box)
    bridge.deliver(HOUR)
    assert not stands(bridge, box)


def test_a_call_that_stayed_open_when_history_was_switched_off(
    backend: ReferenceBackend, tmp_path: Path
) -> None:
    """Nobody can be told of its end; a day later would be too late for the conversation."""
    on = bridged(backend, tmp_path)
    on.say()
    box = on.box
    on.deliver(5)
    engine = on.scene.deployment.engine
    off = bridged(backend, tmp_path, engine=engine, HISTORY_ENABLED="false")
    off.rest(on.time)
    off.deliver(DAY - 600)
    assert stands(off, box)
    off.deliver(1200)
    assert not stands(off, box)
    assert calls(on) == ["begin"]
