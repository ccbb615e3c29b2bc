"""That everything a conversation has is known to what removes it."""

from shared.conversations.beside import KINDS
from shared.conversations.erasures import KIND as ERASURE
from shared.conversations.items import KIND as CONVERSATION
from tests.deleting.house import House


def test_all_mailboxes_beside_a_conversation_go_with_it(local_house: House) -> None:
    """A new kind of mailbox is missing here until somebody has thought about what becomes of it
    when its conversation is deleted."""
    handlers = local_house.deployment.drain._handlers
    assert set(handlers) == {CONVERSATION, ERASURE, *KINDS}
