"""What a warm worker remembers of a long conversation, counted in reads of the table."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.conversations.memory import Memory
from shared.runner.history import estimate_tokens
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
        assert [entry["text"] for entry in recalled] == texts[1000 - kept :]


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

    assert [entry["text"] for entry in recalled] == texts


def test_a_warm_worker_makes_no_read_for_its_own_turns(pieces: Pieces) -> None:
    session = pieces.session()
    memory = Memory(pieces.table, budget=10_000)
    pieces.fill(session, ["a", "b"])
    memory.recall(session.box, 2)
    pieces.calls.clear()
    for count in range(2, 20, 2):
        memory.add(session.box, count, [message(count, "q"), message(count + 1, "a")])
        assert len(memory.recall(session.box, count + 2)) == count + 2

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

    assert [entry["text"] for entry in recalled] == texts
    assert queries(pieces) == 3
    pieces.calls.clear()
    memory.recall(session.box, len(texts))
    assert pieces.calls == []


def test_conversations_are_remembered_apart(pieces: Pieces) -> None:
    one, two = pieces.session(), pieces.session()
    pieces.fill(one, ["one"])
    pieces.fill(two, ["two"])
    memory = Memory(pieces.table, budget=1000)

    for session, text in [(one, "one"), (two, "two"), (one, "one")]:
        (entry,) = memory.recall(session.box, 1)
        assert entry["text"] == text
