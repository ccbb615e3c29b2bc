"""The mailboxes beside a conversation's own: they have its id, and go with it."""

from collections.abc import Sequence

from shared.conversations import judging, summarising, titles
from shared.mailbox import deliveries, records

KINDS: Sequence[str] = (
    deliveries.KIND,
    records.KIND,
    titles.KIND,
    judging.KIND,
    summarising.KIND,
)
