"""The log: read in pages by people, and within a budget by turns."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from shared.conversations.items import box_key, meta_key, session_key
from shared.conversations.memory import Memory
from shared.conversations.messages import PAGE_BYTES, Messages
from shared.errors import ValidationError
from shared.identity.credentials import LOCAL
from shared.mailbox.box import BoxKey
from shared.mailbox.jobs import message_key
from shared.protocol.events import encode
from shared.runner.history import estimate_tokens
from shared.storage.expressions import Assign
from shared.storage.table import Item, Key, Page, Put, Table, Update
from tests.wire.scene import Scene

BOX = box_key("local", "c1")


def message(number: int, text: str = "") -> dict[str, Any]:
    role = "assistant" if number % 2 else "user"
    text = text or f"message {number}"
    return {"id": f"m{number:04d}", "role": role, "text": text, "at": number, "turn": "t"}


def fill(scene: Scene, box: BoxKey, texts: Sequence[str]) -> None:
    puts = [Put(Item(message_key(box, n), {}, message(n, text))) for n, text in enumerate(texts)]
    for start in range(0, len(puts), 50):
        scene.deployment.table.write(puts[start : start + 50])
    scene.deployment.table.write([Update(meta_key(box), [Assign(("count",), len(puts))])])


def begin(scene: Scene, texts: Sequence[str] = ()) -> str:
    """A session of a conversation with these messages."""
    scene.connect("c1")
    session = scene.session("c1")
    item = scene.deployment.table.get([session_key(session)])[0]
    assert item is not None
    assert item.body is not None
    fill(scene, box_key("local", item.body["conversation"]), texts)
    return session


def page(scene: Scene, session: str, **fields: Any) -> Any:
    answer = scene.frame(
        "c1", "get_conversation_messages", requestId="page", sessionId=session, **fields
    )
    assert answer["type"] == "immediate_response", answer
    return answer["data"]


def texts_of(data: Any) -> list[str]:
    return [entry["content"]["text"] for entry in data["messages"]]


def whole(
    scene: Scene, session: str, limit: int, between: Callable[[], None] = lambda: None
) -> list[Any]:
    """All pages, in order."""
    pages = [page(scene, session, limit=limit)]
    while pages[-1]["hasMore"]:
        between()
        pages.append(page(scene, session, limit=limit, cursor=pages[-1]["nextCursor"]))
    assert pages[-1]["nextCursor"] is None
    return pages


# -- pages --------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_pages_hold_everything_once_the_newest_first(scene: Scene, limit: int) -> None:
    session = begin(scene, [f"t{number}" for number in range(7)])
    scene.say("c1", session, "r1", "waits")
    scene.say("c1", session, "r2", "waits too")
    pages = whole(scene, session, limit)
    assert [text for data in pages for text in texts_of(data)] == [
        "waits too",
        "waits",
        *[f"t{number}" for number in reversed(range(7))],
    ]
    assert all(len(texts_of(data)) == limit for data in pages[:-1])


def test_who_said_it(scene: Scene) -> None:
    session = begin(scene, ["a question", "an answer"])
    scene.say("c1", session, "r1", "waits")
    directions = [entry["direction"] for entry in page(scene, session)["messages"]]
    assert directions == ["inbound", "outbound", "inbound"]


def test_an_empty_conversation_is_an_empty_page(scene: Scene) -> None:
    assert page(scene, begin(scene)) == {"messages": [], "nextCursor": None, "hasMore": False}


@pytest.mark.parametrize("character", ["x", "ü", "漢", "\x01", '"'])
def test_a_page_fits_one_message_to_the_client(scene: Scene, character: str) -> None:
    session = begin(scene, [character * 9_000 for _ in range(40)])
    pages = whole(scene, session, 100)
    assert sum(len(data["messages"]) for data in pages) == 40
    for data in pages:
        assert len(json.dumps(data, ensure_ascii=False).encode()) <= PAGE_BYTES + 10_000


@pytest.mark.parametrize("character", ["x", "漢", "\x01"])
def test_one_huge_message_is_shortened(scene: Scene, character: str) -> None:
    session = begin(scene, ["small", character * 300_000, "small too"])
    pages = whole(scene, session, 10)
    found = [text for data in pages for text in texts_of(data)]
    assert (found[0], found[-1]) == ("small too", "small")
    assert found[1].endswith("…")
    assert len(encode(page(scene, session, limit=2))) < 128 * 1024


def test_what_is_answered_between_two_pages_is_not_lost(scene: Scene) -> None:
    session = begin(scene, ["old 0", "old 1"])
    scene.say("c1", session, "r1", "first")
    scene.say("c1", session, "r2", "second")
    pages = whole(scene, session, 1, between=scene.work)
    found = [text for data in pages for text in texts_of(data)]
    assert found[0] == "second"
    assert [text for text in found if not text.startswith("Hello")] == [
        "second",
        "first",
        "old 1",
        "old 0",
    ]


@pytest.mark.parametrize("cursor", ["x", "bS0x", "bTE.", "", "bTk5OTk5OTk5OTk5OTk5", "AA"])
def test_a_cursor_must_be_one_of_ours(scene: Scene, cursor: str) -> None:
    session = begin(scene, ["a"])
    found = scene.deployment.sessions.find(LOCAL, session)
    assert found is not None
    with pytest.raises(ValidationError):
        Messages(scene.deployment.table).page(found.box, 10, cursor)


# -- memory -------------------------------------------------------------------------------------


class Counted:
    """A table that counts its queries."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self.queries = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)

    def query(self, pk: str, **options: Any) -> Page:
        self.queries += 1
        return self._table.query(pk, **options)


def remembered(scene: Scene, texts: Sequence[str], budget: int) -> tuple[Memory, Counted]:
    scene.deployment.table.write([Put(Item(Key(BOX.partition, "META"), {"count": 0}))])
    fill(scene, BOX, texts)
    counted = Counted(scene.deployment.table)
    table: Any = counted
    return Memory(table, budget=budget, conversations=3), counted


def said(messages: Sequence[Any]) -> list[str]:
    return [entry["text"] for entry in messages]


def test_it_recalls_the_newest_that_fit_the_budget(scene: Scene) -> None:
    texts = [f"message {number}" for number in range(20)]
    budget = sum(estimate_tokens({"text": text}) for text in texts[-5:])
    memory, _ = remembered(scene, texts, budget)
    assert said(memory.recall(BOX, 20).messages) == texts[-5:]
    smaller, _ = remembered(scene, texts, budget - 1)
    assert said(smaller.recall(BOX, 20).messages) == texts[-4:]


def test_one_message_beyond_the_budget_is_not_recalled(scene: Scene) -> None:
    memory, _ = remembered(scene, ["small", "x" * 10_000], 1000)
    assert said(memory.recall(BOX, 2).messages) == []


def test_it_reads_more_than_a_page_and_not_everything(scene: Scene) -> None:
    texts = [f"message {number}" for number in range(1000)]
    memory, table = remembered(scene, texts, estimate_tokens({"text": "message 999"}) * 250)
    assert said(memory.recall(BOX, 1000).messages) == texts[-250:]
    assert table.queries == 2


def test_what_comes_after_the_count_is_not_of_the_past(scene: Scene) -> None:
    memory, _ = remembered(scene, ["a", "b", "c", "d"], 10_000)
    assert said(memory.recall(BOX, 2).messages) == ["a", "b"]


def test_a_warm_worker_reads_nothing(scene: Scene) -> None:
    memory, table = remembered(scene, ["a", "b"], 10_000)
    memory.recall(BOX, 2)
    memory.add(BOX, 2, [message(2, "c"), message(3, "d")])
    assert said(memory.recall(BOX, 4).messages) == ["a", "b", "c", "d"]
    assert table.queries == 1


def test_another_count_is_read_again(scene: Scene) -> None:
    memory, table = remembered(scene, ["a", "b"], 10_000)
    memory.recall(BOX, 2)
    fill(scene, BOX, ["a", "b", "c", "d"])
    assert said(memory.recall(BOX, 4).messages) == ["a", "b", "c", "d"]
    assert table.queries == 2


def test_nothing_is_added_to_what_is_out_of_date(scene: Scene) -> None:
    memory, _ = remembered(scene, ["a", "b", "c", "d"], 10_000)
    memory.recall(BOX, 2)
    memory.add(BOX, 4, [message(4, "not next")])
    assert said(memory.recall(BOX, 4).messages) == ["a", "b", "c", "d"]


def test_the_budget_holds_for_what_is_added(scene: Scene) -> None:
    texts = [f"message {number}" for number in range(10)]
    memory, _ = remembered(scene, texts[:8], estimate_tokens({"text": texts[0]}) * 4)
    memory.recall(BOX, 8)
    memory.add(BOX, 8, [message(8), message(9)])
    assert said(memory.recall(BOX, 10).messages) == texts[-4:]


def test_it_keeps_the_conversations_that_were_used_last(scene: Scene) -> None:
    memory, table = remembered(scene, ["a"], 10_000)
    boxes = [box_key("local", f"x{number}") for number in range(4)]
    for box in [*boxes, boxes[1]]:
        memory.recall(box, 0)
    before = table.queries
    memory.recall(boxes[3], 0)
    assert table.queries == before
    memory.recall(boxes[0], 0)
    assert table.queries >= before
