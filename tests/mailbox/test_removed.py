"""A job that removes its own mailbox: nobody has taken the lease, so nobody is told so."""

import pytest

from shared.mailbox.handler import Activation
from shared.mailbox.jobs import Ending
from shared.mailbox.leases import LeaseLost, MailboxRemoved
from shared.storage.table import Delete
from tests.mailbox.drained import BOX, DrainRig


def test_nothing_is_lost_and_nothing_is_made_anew(
    drained: DrainRig, caplog: pytest.LogCaptureFixture
) -> None:
    def remove(activation: Activation) -> Ending | None:
        lease = activation.lease
        drained.table.write([Delete(BOX.item, lease.fence), Delete(BOX.job("A"))])
        raise MailboxRemoved

    drained.add("A", remove)
    with caplog.at_level("DEBUG", "parley"):
        drained.drain()
        drained.wait(120)
    assert drained.script.did("A") == ["run"]
    assert drained.table.get([BOX.item, BOX.job("A")]) == [None, None]
    assert [record.message for record in caplog.records] == []


def test_whoever_loses_the_lease_says_so(
    drained: DrainRig, caplog: pytest.LogCaptureFixture
) -> None:
    def lose(_: Activation) -> Ending | None:
        raise LeaseLost

    drained.add("A", lose)
    with caplog.at_level("DEBUG", "parley"):
        drained.drain()
    assert [record.message for record in caplog.records] == ["lease lost"]
