"""Schema versions: how items are laid out, and how those of an earlier release are read.

Every item says by `v` with which version it was written. A release reads its own version and the
one before it, and brings an older item into today's layout as it reads it, so that the core knows
one layout only; an item is written anew in that layout when it is next put as a whole. What only
adds an attribute needs no version: readers treat a missing one as its default.

Two releases run side by side while one is deployed. The older one may then meet an item of a
layout that it does not know: it leaves it alone, with its job, for the newer one. So a layout
changes in two releases: the first one reads both, the second one writes the newer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from shared.storage.table import SCHEMA_VERSION, Item, NewerItem

Upgrade = Callable[[Item], Item]
"""An item in the layout of the next version; what it leaves as it is, it returns as it is."""

UPGRADES: Mapping[int, Upgrade] = {}
"""By the version that it starts from: one for each version before `SCHEMA_VERSION` that is read."""


@dataclass(frozen=True)
class Schema:
    """The version that this release writes, and the upgrades to it from those that it reads."""

    version: int = SCHEMA_VERSION
    upgrades: Mapping[int, Upgrade] = field(default_factory=lambda: UPGRADES)

    def __post_init__(self) -> None:
        """Raises ValueError: an upgrade is missing between two others, or leads nowhere."""
        oldest = min(self.upgrades, default=self.version)
        if sorted(self.upgrades) != list(range(oldest, self.version)):
            raise ValueError("there must be one upgrade for each version from the oldest on")

    def read(self, item: Item) -> Item:
        """The item in the layout of this release.

        Raises:
            NewerItem: a later release has written it.
            ValueError: it is older than anything that this release reads.
        """
        if item.version > self.version:
            raise NewerItem(
                f"an item has version {item.version}; this release knows {self.version}"
            )
        while item.version < self.version:
            upgrade = self.upgrades.get(item.version)
            if upgrade is None:
                raise ValueError(
                    f"an item has version {item.version}; deploy the releases in between first"
                )
            item = replace(upgrade(item), version=item.version + 1)
        return item
