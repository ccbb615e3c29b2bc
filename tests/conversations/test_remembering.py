"""What a warm worker remembers of a long conversation, counted in reads of the table."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.conversations.items import Session
from shared.conversations.memory import Memory, summary_key
from shared.runner.history import estimate_tokens
from shared.storage.table import Item, Put
from tests.conversations.pieces import Pieces, message, pieces_in


@pytest.fixture
def pieces(tmp_path: Path) -> Iterator[Pieces]:
    with pieces_in(tmp_path) as made:
        yield made


def queries(pieces: Pieces) -> int:
    return sum(call.method == "query" for call in pieces.calls)


def test_the_budget_is_filled_over_many_pages_to_the_last_token(pieces: Pieces) -> None:
    session = pieces.session()
    texts = [f"{number:04d} " + "ü" * (number % 7) for number in range(1000)]
    pieces.fill(session, texts)
    costs = [estimate_tokens({"text": text}) for text in texts]

    for kept in (0, 1, 99, 100, 101, 350, 999, 1000):
        budget = sum(costs[1000 - kept :])
        recalled = Memory(pieces.table, budget=budget).recall(session.box, 1000)
        assert [entry["text"] for entry in recalled.messages] == texts[1000 - kept :]


def test_what_is_read_depends_on_the_budget_and_not_on_the_length(pieces: Pieces) -> None:
    costs = []
    for length in (300, 2000):
        session = pieces.session()
        pieces.fill(session, ["some words"] * length)
        pieces.calls.clear()
        Memory(pieces.table, budget=150 * estimate_tokens({"text": "some words"})).recall(
            session.box, length
        )
        costs.append(len(pieces.calls))

    assert costs == [2, 2]


def test_pages_that_end_early_by_their_size_are_followed(pieces: Pieces) -> None:
    session = pieces.session()
    # Random enough that compressing does not make them small.
    texts = [
        "".join(chr(0x4E00 + (i * 7919 + j * j * 104729) % 20000) for j in range(12_000))
        for i in range(60)
    ]
    pieces.fill(session, texts)

    recalled = Memory(pieces.table, budget=10_000_000).recall(session.box, 60)

    assert [entry["text"] for entry in recalled.messages] == texts


def test_a_warm_worker_makes_no_read_for_its_own_turns(pieces: Pieces) -> None:
    session = pieces.session()
    memory = Memory(pieces.table, budget=10_000)
    pieces.fill(session, ["a", "b"])
    memory.recall(session.box, 2)
    pieces.calls.clear()
    for count in range(2, 20, 2):
        memory.add(session.box, count, [message(count, "q"), message(count + 1, "a")])
        assert len(memory.recall(session.box, count + 2).messages) == count + 2

    assert pieces.calls == []


def test_what_another_worker_wrote_is_read(pieces: Pieces) -> None:
    session = pieces.session()
    memory = Memory(pieces.table, budget=10_000)
    pieces.fill(session, ["a", "b"])
    memory.recall(session.box, 2)
    other = [f"from elsewhere {number}" for number in range(250)]
    texts = ["a", "b", *other]
    pieces.fill(session, texts)
    pieces.calls.clear()

    recalled = memory.recall(session.box, len(texts))

    assert [entry["text"] for entry in recalled.messages] == texts
    assert queries(pieces) == 2
    pieces.calls.clear()
    memory.recall(session.box, len(texts))
    assert pieces.calls == []


def test_conversations_are_remembered_apart(pieces: Pieces) -> None:
    one, two = pieces.session(), pieces.session()
    pieces.fill(one, ["one"])
    pieces.fill(two, ["two"])
    memory = Memory(pieces.table, budget=1000)

    for session, text in [(one, "one"), (two, "two"), (one, "one")]:
        (entry,) = memory.recall(session.box, 1).messages
        assert entry["text"] == text


def test_the_first_page_is_as_large_as_the_messages_are_small(pieces: Pieces) -> None:
    """One read, where the weight of the log is known."""
    for text, length in (("a", 1500), ("some words " * 50, 300)):
        session = pieces.session()
        pieces.fill(session, [text] * length)
        weight = estimate_tokens({"text": text})
        meta = {"count": length, "weight": weight * length}
        pieces.clock.advance(1)
        pieces.calls.clear()
        recalled = Memory(pieces.table, budget=weight * 600).recall(session.box, length, meta)
        assert len(recalled.messages) == min(length, 600)
        assert queries(pieces) == 1


def summarise(pieces: Pieces, session: Session, upto: int, text: str) -> None:
    pieces.write(Put(Item(summary_key(session.box), {"upto": upto}, {"text": text})))


def test_a_summary_is_read_once_and_nothing_before_it(pieces: Pieces) -> None:
    session = pieces.session()
    texts = [f"message {number}" for number in range(100)]
    pieces.fill(session, texts)
    summarise(pieces, session, 90, "All before.")
    memory = Memory(pieces.table, budget=10_000)
    pieces.calls.clear()
    for _ in range(2):
        recalled = memory.recall(session.box, 100, {"summary": 90})
        assert (recalled.upto, recalled.summary) == (90, "All before.")
        assert [entry["text"] for entry in recalled.messages] == texts[90:]
    assert [call.method for call in pieces.calls] == ["get", "query"]
    memory.add(session.box, 100, [message(100, "q"), message(101, "a")])
    recalled = memory.recall(session.box, 102, {"summary": 90})
    assert (recalled.summary, len(recalled.messages)) == ("All before.", 12)
    assert len(pieces.calls) == 2


def test_a_newer_summary_is_read_by_a_warm_worker(pieces: Pieces) -> None:
    session = pieces.session()
    texts = [f"message {number}" for number in range(20)]
    pieces.fill(session, texts)
    memory = Memory(pieces.table, budget=10_000)
    assert len(memory.recall(session.box, 20, {}).messages) == 20
    summarise(pieces, session, 16, "All before.")
    # As long as META does not tell of it, nothing is read.
    assert memory.recall(session.box, 20, {}).summary is None
    recalled = memory.recall(session.box, 20, {"summary": 16})
    assert (recalled.summary, len(recalled.messages)) == ("All before.", 4)


def test_a_summary_that_is_newer_than_meta_said_is_not_read_twice(pieces: Pieces) -> None:
    session = pieces.session()
    pieces.fill(session, [f"message {number}" for number in range(20)])
    summarise(pieces, session, 16, "Newer.")
    memory = Memory(pieces.table, budget=10_000)
    assert len(memory.recall(session.box, 20, {"summary": 10}).messages) == 4
    pieces.calls.clear()
    assert memory.recall(session.box, 20, {"summary": 16}).summary == "Newer."
    assert pieces.calls == []


def test_a_summary_of_everything_leaves_no_message(pieces: Pieces) -> None:
    session = pieces.session()
    pieces.fill(session, ["a", "b"])
    summarise(pieces, session, 2, "Both.")
    pieces.calls.clear()
    recalled = Memory(pieces.table, budget=1000).recall(session.box, 2, {"summary": 2})
    assert (recalled.messages, recalled.summary) == ((), "Both.")
    assert [call.method for call in pieces.calls] == ["get"]
