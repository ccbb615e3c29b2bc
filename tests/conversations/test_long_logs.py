"""Pages of long logs and of awkward texts: everything once, and each page fits one message."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.conversations.items import Session
from shared.conversations.messages import MAX_READS
from shared.errors import ValidationError
from shared.mailbox.log import message_key
from shared.protocol import events
from shared.storage.table import Item, Put
from tests.conversations.pieces import Pieces, pieces_in
from tests.conversations.pieces import message as logged

MAX_BYTES = 128 * 1024


@pytest.fixture
def pieces(tmp_path: Path) -> Iterator[Pieces]:
    with pieces_in(tmp_path) as made:
        yield made


def listed(pieces: Pieces, session: Session, limit: int) -> Iterator[dict[str, Any]]:
    """One after another, as a client asks for them, each checked for its size on the wire."""
    cursor = None
    while True:
        page = pieces.page(session, limit, cursor)
        answer = events.immediate_response("r" * 128, 200, at=pieces.clock.now(), data=page)
        assert len(events.encode(answer)) < MAX_BYTES
        assert page["messages"] or cursor is None
        yield page
        if not page["hasMore"]:
            assert page["nextCursor"] is None
            return
        cursor = page["nextCursor"]


def ids(found: list[dict[str, Any]]) -> list[str]:
    return [message["id"] for page in found for message in page["messages"]]


@pytest.mark.parametrize("limit", [1, 7, 50, 100])
def test_a_thousand_messages_come_each_exactly_once(pieces: Pieces, limit: int) -> None:
    session = pieces.session()
    pieces.fill(session, [f"message {number}" for number in range(1000)])

    found = list(listed(pieces, session, limit))

    assert [int(one[-12:]) for one in ids(found)] == list(range(999, -1, -1))
    assert len(found) == -(-1000 // limit)


@pytest.mark.parametrize(
    "character", ['"', "\\", "\n", "\x00", "\x1f", "\x7f", "é", "漢", "🦉", "\u2028", "</script>"]
)
@pytest.mark.parametrize("length", [700, 9_000, 40_000])
def test_awkward_texts_fill_pages_by_their_bytes_on_the_wire(
    pieces: Pieces, character: str, length: int
) -> None:
    session = pieces.session()
    pieces.fill(session, [f"{number} " + character * length for number in range(30)])

    found = list(listed(pieces, session, 100))

    assert [int(one[-12:]) for one in ids(found)] == list(range(29, -1, -1))
    for page in found:
        for message in page["messages"]:
            text = message["content"]["text"]
            assert text.endswith("…") or len(text.split(" ", 1)[1]) == length * len(character)


def test_a_text_that_is_too_long_for_a_page_is_alone_on_it(pieces: Pieces) -> None:
    session = pieces.session()
    pieces.fill(session, ["first", "🦉" * 100_000, "last"])

    found = list(listed(pieces, session, 10))

    assert [len(page["messages"]) for page in found] == [1, 1, 1]
    text = found[1]["messages"][0]["content"]["text"]
    assert text.endswith("🦉…")
    assert len(text) > 20_000


def test_a_page_costs_two_reads_however_long_the_log_is(pieces: Pieces) -> None:
    short, long = pieces.session(), pieces.session()
    pieces.fill(short, ["a"])
    pieces.fill(long, ["a"] * 2000)
    costs = []
    for session in (short, long):
        pieces.calls.clear()
        pieces.page(session, 50, None)
        costs.append([call.method for call in pieces.calls])

    assert costs[0] == costs[1]
    assert sorted(costs[0]) == ["get", "query"]


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 50])
def test_waiting_messages_come_first_and_pages_go_on_among_them(pieces: Pieces, limit: int) -> None:
    session = pieces.session()
    pieces.fill(session, ["logged 0", "logged 1"])
    for number in range(4):
        pieces.clock.advance(1)
        pieces.ask(session, f"r{number}", f"waits {number}")

    found = list(listed(pieces, session, limit))

    texts = [message["content"]["text"] for page in found for message in page["messages"]]
    waiting = [f"waits {number}" for number in (3, 2, 1, 0)]
    assert texts == [*waiting, "logged 1", "logged 0"]
    assert len(set(ids(found))) == 6


def test_waiting_messages_fill_pages_by_their_bytes_too(pieces: Pieces) -> None:
    session = pieces.session()
    for number in range(6):
        pieces.clock.advance(1)
        pieces.ask(session, f"r{number}", f"{number}" + "\x01" * 9_000)

    found = list(listed(pieces, session, 100))

    texts = [message["content"]["text"] for page in found for message in page["messages"]]
    assert [text[0] for text in texts] == ["5", "4", "3", "2", "1", "0"]
    assert len(found) > 1


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "!",
        "m1",
        "bQ",
        "bS0x",
        "bTAx",
        "bTEuMA",
        "bcOk",
        "dzE",
        "w" * 500,
        "é",
        "Zm9v",
    ],
)
def test_a_cursor_that_is_none_of_ours_is_refused(pieces: Pieces, cursor: str) -> None:
    session = pieces.session()
    pieces.fill(session, ["a", "b"])

    with pytest.raises(ValidationError):
        pieces.page(session, 10, cursor)


def test_a_cursor_of_another_conversation_shows_nothing_of_it(pieces: Pieces) -> None:
    mine, other = pieces.session(), pieces.session()
    pieces.fill(mine, ["mine"])
    pieces.fill(other, ["other"] * 10)
    cursor = pieces.page(other, 5, None)["nextCursor"]

    page = pieces.page(mine, 5, cursor)

    assert [one["content"]["text"] for one in page["messages"]] == ["mine"]


def test_pages_leave_out_the_steps_between_questions_and_answers(pieces: Pieces) -> None:
    session = pieces.session()
    pieces.fill(session, ["question", "step", *["result"] * 700, "answer", "question", "answer"])
    for number in range(1, 702):
        note = {**logged(number, "found"), "role": "tool"}
        if number == 1:
            note = {"id": note["id"], "role": "assistant", "content": [], "said": "I look."}
        pieces.write(Put(Item(message_key(session.box, number), {"by": "t"}, note)))

    pages = list(listed(pieces, session, 2))

    numbers = [int(one[-12:]) for one in ids(pages)]
    assert numbers == [704, 703, 702, 0]


def test_a_page_ends_after_so_many_reads_and_says_where_to_go_on(pieces: Pieces) -> None:
    session = pieces.session()
    pieces.fill(session, ["question", *["result"] * 2500, "answer"])
    for number in range(1, 2501):
        note = {**logged(number, "x"), "role": "tool"}
        pieces.write(Put(Item(message_key(session.box, number), {"by": "t"}, note)))
    pieces.calls.clear()

    first = pieces.page(session, 5, None)
    reads = len(pieces.calls)
    second = pieces.page(session, 5, first["nextCursor"])

    assert reads <= MAX_READS + 1
    assert [len(first["messages"]), first["hasMore"]] == [1, True]
    assert [[entry["id"][-1] for entry in second["messages"]], second["hasMore"]] == [["0"], False]
