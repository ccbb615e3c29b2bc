"""Knowing that workers have done what there is to do, when nothing tells so."""

import time

from shared.mailbox.box import SHARDS, Box, BoxKey
from shared.storage.table import DUE
from shared.wiring import Deployment
from tests.support.gateway import PATIENCE

FAR = 4_000_000_000_000
"""Milliseconds; later than anything that is due."""


class Resting:
    """Looks at the mailboxes of a deployment."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    def wait(self) -> None:
        """Wait until nobody holds a mailbox, and nothing is due: what is left waits for people."""
        give_up = time.monotonic() + PATIENCE
        while busy := self._busy():
            assert time.monotonic() < give_up, f"workers do not rest: {busy}"
            time.sleep(0.02)

    def _busy(self) -> list[str]:
        now = self._deployment.clock.now()
        return [
            box.key.pk
            for box in self._boxes()
            if box.owner is not None or (box.due is not None and box.due <= now)
        ]

    def _boxes(self) -> list[Box]:
        """All mailboxes that somebody must still look at."""
        table = self._deployment.table
        found: list[Box] = []
        for shard in range(SHARDS):
            for entry in table.query_index(DUE, shard, up_to=FAR).items:
                item = table.get([entry.key])[0]
                if item is not None:
                    found.append(Box.read(BoxKey.parse(entry.key.pk), item))
        return found
