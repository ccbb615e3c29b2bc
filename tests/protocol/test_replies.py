"""The data of answers about conversations, judged by the published client's own models."""

import pytest

from shared.protocol import events, replies
from tests.support.client_models import validate

AT = 1_760_000_000_007
ID = "0191f3a4-0000-7000-8000-000000000001"
ITEM = replies.conversation_item(ID, "Häl 😀", updated_at=AT, messages=2)


@pytest.mark.parametrize(
    ("items", "cursor"), [([], None), ([], "next"), ([ITEM], None), ([ITEM, ITEM], "next")]
)
def test_the_client_takes_every_list(items: list[replies.Reply], cursor: str | None) -> None:
    data = replies.conversations_page(items, cursor)
    assert (data["nextCursor"], data["hasMore"]) == (cursor, cursor is not None)
    frames = [events.immediate_response("q", 200, at=AT, data=data)]
    assert validate(frames, payload="ListConversationsResponse") == []


def test_the_client_refuses_what_we_never_send() -> None:
    empty = replies.conversation_item(ID, "", updated_at=AT, messages=0)
    data = replies.conversations_page([empty], None)
    frames = [events.immediate_response("q", 200, at=AT, data=data)]
    assert len(validate(frames, payload="ListConversationsResponse")) == 1


def test_what_a_list_says_of_a_conversation() -> None:
    assert ITEM == {
        "conversationId": ID,
        "title": "Häl 😀",
        "updatedAt": "2025-10-09T08:53:20.007+00:00",
        "messageCount": 2,
    }


def test_a_new_title_is_told() -> None:
    assert replies.conversation_renamed(ID, "Refund") == {"conversationId": ID, "title": "Refund"}
