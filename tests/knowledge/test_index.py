"""What is found, and in which order."""

import pytest

from shared.knowledge.index import MAX_TERMS
from shared.knowledge.port import MAX_QUERY
from tests.knowledge.support import ANN, document, ids, index

RETURNS = document("# Returns\n\nShoes may be returned within thirty days.", "returns.md")
SHIPPING = document("# Shipping\n\nParcels are sent with the post, abroad too.", "shipping.md")


@pytest.mark.parametrize("query", ["returning shoes", "RETURNED!", "a shoe", "Réturns"])
def test_endings_case_and_accents_do_not_matter(query: str) -> None:
    found = index(RETURNS, SHIPPING).search(query, reader=ANN, limit=5)
    assert ids(found) == ["returns.md"]


def test_one_document_is_found() -> None:
    [found] = index(RETURNS).search("how can I return shoes?", reader=ANN, limit=3)
    assert found.text == "Returns\n\nShoes may be returned within thirty days."
    assert found.score > 0


@pytest.mark.parametrize(
    "query", ["", "   ", "?!", "what is it that you have with the", "wie ist das mit der", "zebra"]
)
def test_what_shares_only_empty_words_is_no_hit(query: str) -> None:
    many = [
        document(f"The {n} is what you have with it. Das ist mit der.", f"{n}.md") for n in range(9)
    ]
    assert index(*many).search(query, reader=ANN, limit=5) == []
    assert index(many[0]).search(query, reader=ANN, limit=5) == []


def test_a_word_that_most_pieces_have_is_no_hit_beside_a_rarer_one() -> None:
    many = [document(f"Gizmo manual number{n}.", f"{n}.md") for n in range(20)]
    found = index(*many).search("gizmo number7", reader=ANN, limit=20)
    assert ids(found) == ["7.md"]


def test_a_word_that_all_pieces_have_is_found_where_nothing_else_is_said() -> None:
    many = [document(f"Gizmo manual number{n}.", f"{n}.md") for n in range(20)]
    assert len(index(*many).search("gizmo", reader=ANN, limit=3)) == 3


def test_what_fits_much_worse_than_the_best_is_left_out() -> None:
    best = document("Refund of a broken lamp by bank transfer.", "best.md")
    worse = document("A lamp. " + "Something else entirely is said here. " * 20, "worse.md")
    others = [document(f"Nothing of that {n}", f"o{n}.md") for n in range(5)]
    found = index(best, worse, *others).search("refund broken lamp bank", reader=ANN, limit=5)
    assert ids(found) == ["best.md"]


def test_the_rarer_word_counts_for_more() -> None:
    plenty = [document("An order and its parcel.", f"{n}.md") for n in range(6)]
    rare = document("A warranty.", "rare.md")
    found = index(*plenty, rare).search("order warranty", reader=ANN, limit=3)
    assert found[0].id == "rare.md"


def test_among_equals_the_ids_decide() -> None:
    same = [document("A warranty.", name) for name in ("b.md", "a.md", "c.md")]
    assert ids(index(*same).search("warranty", reader=ANN, limit=2)) == ["a.md", "b.md"]


@pytest.mark.parametrize(
    "query", ['shoes"', "shoes*", "shoes AND NOT (", "text:shoes", "^shoes", "NEAR(shoes", "'; --"]
)
def test_a_query_is_words_and_no_query_language(query: str) -> None:
    found = index(RETURNS, SHIPPING).search(query, reader=ANN, limit=5)
    assert ids(found) == (["returns.md"] if "shoes" in query else [])


def test_what_goes_on_too_long_does_not_count() -> None:
    assert index(RETURNS).search("x" * MAX_QUERY + " shoes", reader=ANN, limit=1) == []
    words = " ".join(f"w{n}" for n in range(MAX_TERMS))
    assert index(RETURNS).search(f"{words} shoes", reader=ANN, limit=1) == []
    assert index(RETURNS).search(f"shoes {words}", reader=ANN, limit=1) != []


def test_halves_of_characters_and_zeros_do_no_harm() -> None:
    assert ids(index(RETURNS).search("\ud800 shoes \0", reader=ANN, limit=1)) == ["returns.md"]


@pytest.mark.parametrize("limit", [0, -1])
def test_nothing_is_asked_for(limit: int) -> None:
    assert index(RETURNS).search("shoes", reader=ANN, limit=limit) == []


def test_there_are_no_documents() -> None:
    assert index().search("shoes", reader=ANN, limit=3) == []
    assert index(document("   ")).search("shoes", reader=ANN, limit=3) == []
