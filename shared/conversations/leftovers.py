"""Files of a tenant that belong to no conversation any more.

A worker that has lost its lease, or a client with an address for an upload, may send a file when
its conversation has gone. A tenant's erasure looks for these at its end.
"""

from collections.abc import Callable, Collection, Sequence

from shared.conversations.beside import KINDS
from shared.conversations.items import KIND, box_key, meta_key
from shared.conversations.removal import files_of
from shared.mailbox.box import BoxKey, key_part
from shared.storage.artifacts import Artifacts, ArtifactsUnavailable
from shared.storage.bodies import spill_partitions
from shared.storage.table import Table, Unavailable

FILES = 100
MAX_SUSPECTS = 200


class Leftovers:
    """Removes them. `go_on` is called now and then, and raises when it is time to stop."""

    def __init__(
        self, table: Table, artifacts: Artifacts, tenant: str, go_on: Callable[[], None]
    ) -> None:
        self._table = table
        self._artifacts = artifacts
        self._tenant = tenant
        self._go_on = go_on

    def below(self, prefix: str) -> int:
        """Remove all files whose names begin so; how many."""
        return self._remove(prefix, lambda names: names)

    def folders(self) -> int:
        """Remove the files and uploads of conversations that do not exist; how many. One gets its
        files after it has begun, so none of them is of one that just begins."""
        anyone = BoxKey(KIND, self._tenant, "-")
        prefixes = [each.removesuffix("-/") for each in files_of(anyone)]
        return sum(self._remove(each, self._orphans(each)) for each in prefixes)

    def spilled(self, suspects: Collection[str]) -> tuple[int, list[str]]:
        """Remove the `suspects` of the last look that still belong to none; how many, and those of
        this look. A long body is written before its item, so a conversation that just begins looks
        like one that has gone, for a moment."""
        gone, found = 0, list[str]()
        for kind in (KIND, *KINDS):
            try:
                prefix = spill_partitions(f"{kind.upper()}#{key_part(self._tenant)}#")
            except ValueError:
                # The names of so long a tenant's do not tell whose they are.
                continue
            gone += self._remove(prefix, self._seen_twice(self._orphans(prefix), suspects, found))
        return gone, found[:MAX_SUSPECTS]

    def _seen_twice(
        self,
        orphans: Callable[[Sequence[str]], Sequence[str]],
        suspects: Collection[str],
        found: list[str],
    ) -> Callable[[Sequence[str]], Sequence[str]]:
        def among(names: Sequence[str]) -> Sequence[str]:
            known = orphans(names)
            found.extend(name for name in known if name not in suspects)
            return [name for name in known if name in suspects]

        return among

    def _orphans(self, prefix: str) -> Callable[[Sequence[str]], Sequence[str]]:
        def among(names: Sequence[str]) -> Sequence[str]:
            of = {name: name.removeprefix(prefix).partition("/")[0] for name in names}
            # A shortened name does not tell whose it is.
            ids = sorted({each for each in of.values() if "~" not in each})
            keys = [meta_key(box_key(self._tenant, each)) for each in ids]
            metas = self._table.get(keys) if keys else []
            none = {each for each, meta in zip(ids, metas, strict=True) if meta is None}
            return [name for name in names if of[name] in none]

        return among

    def _remove(self, prefix: str, chosen: Callable[[Sequence[str]], Sequence[str]]) -> int:
        gone = 0
        cursor: str | None = None
        try:
            while True:
                self._go_on()
                listing = self._artifacts.list(prefix, limit=FILES, cursor=cursor)
                for name in chosen([each.name for each in listing.artifacts]):
                    self._go_on()
                    self._artifacts.delete(name)
                    gone += 1
                cursor = listing.cursor
                if cursor is None:
                    return gone
        except ArtifactsUnavailable as fault:
            raise Unavailable("the files could not be removed") from fault
