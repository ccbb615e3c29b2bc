"""Documents that change while agents look things up in them."""

import logging
import threading
from collections.abc import Iterator, Sequence

import pytest

from shared.backends.documents import parse_document
from shared.knowledge import documents
from shared.knowledge.documents import Listed
from shared.knowledge.port import KnowledgeUnavailable
from shared.knowledge.shelf import MAX_AGE, PAUSE, Shelf
from shared.knowledge.sqlite_terms import SqliteTerms
from tests.knowledge.support import ANN, BOB, Place, ids
from tests.support.clock import FakeClock

HIDDEN = "---\nacl: {groups: [support]}\n---\nLamps are hidden."


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def shelf_of(place: Place, clock: FakeClock) -> Shelf:
    return Shelf(place, parse_document, SqliteTerms, clock, refresh=60)


def found(shelf: Shelf, query: str = "lamp", limit: int = 5) -> list[str]:
    return ids(shelf.search(query, reader=ANN, limit=limit))


def test_only_who_may_read_it_finds_a_document(clock: FakeClock) -> None:
    shelf = shelf_of(Place(a="A lamp.", b=HIDDEN), clock)
    assert sorted(found(shelf)) == ["a.md", "b.md"]
    assert ids(shelf.search("lamp", reader=BOB, limit=5)) == ["a.md"]


def test_changes_are_seen_after_a_while_and_only_they_are_read(clock: FakeClock) -> None:
    place = Place(a="A lamp.", b="A chair.")
    shelf = shelf_of(place, clock)
    assert found(shelf) == ["a.md"]
    place.texts["b.md"] = "Another lamp."
    del place.texts["a.md"]
    clock.advance(59)
    assert found(shelf) == ["a.md"]
    clock.advance(1)
    assert found(shelf) == ["b.md"]
    assert place.reads == ["a.md", "b.md", "b.md"]
    assert place.looks == 2


def test_nothing_is_read_while_nothing_changes(clock: FakeClock) -> None:
    place = Place(a="A lamp.")
    shelf = shelf_of(place, clock)
    for _ in range(3):
        assert found(shelf) == ["a.md"]
        clock.advance(60)
    assert (place.looks, place.reads) == (3, ["a.md"])


def test_what_was_read_stays_in_use_while_it_cannot_be_read_again(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    place = Place(a="A lamp.")
    shelf = shelf_of(place, clock)
    assert found(shelf) == ["a.md"]
    place.unavailable = "S3 does not answer."
    clock.advance(60)
    with caplog.at_level(logging.WARNING, "parley"):
        assert found(shelf) == found(shelf) == ["a.md"]
    [record] = caplog.records
    assert record.__dict__["reason"] == "S3 does not answer."
    place.unavailable, place.texts["a.md"] = None, "A chair."
    clock.advance(PAUSE)
    assert found(shelf) == []


def test_an_access_that_was_taken_away_does_not_last_for_ever(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    place = Place(a="A lamp.")
    shelf = shelf_of(place, clock)
    assert found(shelf) == ["a.md"]
    place.unavailable, place.texts["a.md"] = "S3 does not answer.", "A chair."
    clock.advance(MAX_AGE - 1)
    assert found(shelf) == ["a.md"]
    clock.advance(PAUSE)
    with pytest.raises(KnowledgeUnavailable):
        found(shelf)
    [record] = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert "for too long" in record.message
    place.unavailable = None
    clock.advance(PAUSE)
    assert found(shelf) == []


def test_what_was_read_before_a_failure_is_not_read_again(clock: FakeClock) -> None:
    class Breaking(Place):
        def read(self, wanted: Sequence[Listed]) -> Iterator[bytes]:
            for each in wanted:
                if each.id == "b.md" and self.reads.count("b.md") == 0:
                    self.reads.append(each.id)
                    raise KnowledgeUnavailable("b.md cannot be read.")
                yield from super().read([each])

    place = Breaking(a="A lamp.", b="A lamp, too.", c="A chair.")
    shelf = shelf_of(place, clock)
    with pytest.raises(KnowledgeUnavailable):
        found(shelf)
    clock.advance(PAUSE)
    assert sorted(found(shelf)) == ["a.md", "b.md"]
    assert place.reads == ["a.md", "b.md", "b.md", "c.md"]


def test_without_an_index_it_is_unavailable_and_asked_for_again_soon(clock: FakeClock) -> None:
    place = Place(a="A lamp.")
    shelf = shelf_of(place, clock)
    place.unavailable = "S3 does not answer."
    for _ in range(3):
        with pytest.raises(KnowledgeUnavailable, match=r"S3 does not answer\."):
            found(shelf)
    assert place.looks == 1
    place.unavailable = None
    clock.advance(PAUSE)
    assert found(shelf) == ["a.md"]


def test_a_document_that_is_not_valid_is_kept_out_and_the_log_says_so_once(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    place = Place(a="A lamp.", b="---\nacl: {users: ann}\n---\nA secret lamp.")
    shelf = shelf_of(place, clock)
    with caplog.at_level(logging.ERROR, "parley"):
        assert found(shelf) == ["a.md"]
        place.texts["c.md"] = "A third lamp."
        clock.advance(60)
        assert sorted(found(shelf)) == ["a.md", "c.md"]
    [record] = caplog.records
    assert record.__dict__["reason"] == (
        'place/b.md, line 2: "acl.users" must be a list, such as [a, b], even of one.'
    )
    assert list(shelf.faults()) == [record.__dict__["reason"]]
    place.texts["b.md"] = "A mended lamp."
    clock.advance(60)
    assert sorted(found(shelf)) == ["a.md", "b.md", "c.md"]
    assert list(shelf.faults()) == []


def test_one_that_becomes_invalid_is_not_found_any_more(clock: FakeClock) -> None:
    place = Place(a="A lamp.")
    shelf = shelf_of(place, clock)
    assert found(shelf) == ["a.md"]
    place.texts["a.md"] = "---\nacl: nobody\n---\nA lamp."
    clock.advance(60)
    assert found(shelf) == []


def test_too_large_a_document_is_kept_out(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.knowledge.reading.MAX_DOCUMENT", 20)
    place = Place(a="A lamp.", b="A lamp " * 10)
    shelf = shelf_of(place, clock)
    assert found(shelf) == ["a.md"]
    assert list(shelf.faults()) == ["place/b.md: larger than 0 MB; divide it."]
    assert place.reads == ["a.md"]


@pytest.mark.parametrize(
    ("limit", "most", "reason"),
    [
        ("MAX_DOCUMENTS", 1, "place has more than 1 documents"),
        ("MAX_BYTES", 10, "The documents in place are larger than 0 MB together"),
    ],
)
def test_too_much_is_refused_as_a_whole(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch, limit: str, most: int, reason: str
) -> None:
    monkeypatch.setattr(documents, limit, most)
    place = Place(a="A lamp.", b="Another lamp.")
    shelf = shelf_of(place, clock)
    with pytest.raises(KnowledgeUnavailable, match=reason):
        found(shelf)
    assert place.reads == []
    [fault] = shelf.faults()
    assert fault.startswith(reason)


def test_one_thread_reads_while_the_others_go_on_with_what_there_was(clock: FakeClock) -> None:
    class Slow(Place):
        def __init__(self) -> None:
            super().__init__(a="A lamp.")
            self.slow = False
            self.entered, self.go_on = threading.Event(), threading.Event()

        def listed(self):  # type: ignore[no-untyped-def]  # as in Place
            if self.slow:
                self.entered.set()
                assert self.go_on.wait(30)
            return super().listed()

    place = Slow()
    shelf = shelf_of(place, clock)
    assert found(shelf) == ["a.md"]
    place.slow, place.texts["a.md"] = True, "A chair."
    clock.advance(60)
    first: list[list[str]] = []
    reader = threading.Thread(target=lambda: first.append(found(shelf)))
    reader.start()
    try:
        assert place.entered.wait(30)
        assert found(shelf) == ["a.md"]
        assert place.looks == 1
    finally:
        place.go_on.set()
        reader.join(30)
    assert first == [[]]


def test_many_threads_share_the_first_index(clock: FakeClock) -> None:
    place = Place(a="A lamp.")
    shelf = shelf_of(place, clock)
    results: list[list[str]] = []
    threads = [threading.Thread(target=lambda: results.append(found(shelf))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert results == [["a.md"]] * 8
    assert (place.looks, place.reads) == (1, ["a.md"])
