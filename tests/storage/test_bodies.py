"""Where spilled bodies lie: names that any store can hold, prefixes that delete exactly."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.storage.artifacts import check_name
from shared.storage.bodies import pack, spill_name, spill_partitions, spill_prefix, unpack

NASTY = ["a", ".", "..", "a/b", "a\\b", "\x00", "~", "%7E", "é" * 1024, "x" * 2048, "a#b", "A#b"]

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300)
floats = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize("pk", NASTY, ids=lambda pk: ascii(pk)[:20])
def test_every_key_gives_a_name(pk: str) -> None:
    name = check_name(spill_name(pk))
    assert name.startswith(spill_prefix(pk))
    assert name != spill_name(pk)


def test_tenants_can_be_read_and_deleted_by_prefix() -> None:
    assert spill_prefix("CONV#acme#c-1") == "spill/CONV#acme#c-1/"
    acme = spill_partitions("CONV#acme#")
    assert spill_name("CONV#acme#" + "x" * 500).startswith(acme)
    assert not spill_name("CONV#acme2#1").startswith(acme)
    with pytest.raises(ValueError):
        spill_partitions("x" * 200)


@settings(derandomize=True, database=None)
@given(texts, texts)
def test_no_prefix_holds_the_bodies_of_another_partition(one: str, two: str) -> None:
    assert spill_prefix(one).startswith(spill_prefix(two)) == (one == two)


@settings(derandomize=True, database=None)
@given(texts.filter(lambda text: len(text.encode()) < 30), texts)
def test_partitions_that_begin_alike_share_a_prefix(beginning: str, rest: str) -> None:
    assert spill_prefix(beginning + rest).startswith(spill_partitions(beginning))


@settings(derandomize=True, database=None)
@given(
    st.dictionaries(
        texts,
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats(allow_nan=False, allow_infinity=False)
            | texts,
            lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
        ),
    )
)
def test_a_body_comes_back(body: dict[str, object]) -> None:
    assert repr(unpack(pack(body))) == repr(body)
