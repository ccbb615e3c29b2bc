"""Identifiers: what `pack` makes `unpack` reads, and nothing else gets through."""

import json
import uuid
from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import NotFound
from shared.ids import agent_uuid, new_id, pack, time_ordered_id, unpack

kinds = st.sampled_from(["turn", "run", "dlv", "apr"])
texts = st.text(min_size=1)
parts_lists = st.lists(texts, min_size=1, max_size=5)


def encoded(value: object) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@given(kinds, parts_lists)
def test_what_is_packed_comes_back(kind: str, parts: list[str]) -> None:
    assert unpack(kind, pack(kind, *parts), len(parts)) == tuple(parts)


@given(kinds, parts_lists)
def test_a_packed_id_fits_into_addresses_and_headers(kind: str, parts: list[str]) -> None:
    packed = pack(kind, *parts)
    assert packed.isascii()
    assert packed.replace("_", "").replace("-", "").isalnum()


@given(kinds, parts_lists, parts_lists)
def test_different_parts_make_different_ids(kind: str, parts: list[str], others: list[str]) -> None:
    assert (pack(kind, *parts) == pack(kind, *others)) == (parts == others)


@given(kinds, kinds, parts_lists, st.integers(0, 6))
def test_an_id_of_another_kind_does_not_exist(
    kind: str, asked: str, parts: list[str], count: int
) -> None:
    packed = pack(kind, *parts)
    if (kind, len(parts)) == (asked, count):
        assert unpack(asked, packed, count) == tuple(parts)
    else:
        with pytest.raises(NotFound):
            unpack(asked, packed, count)


@given(st.text() | st.builds("turn_{}".format, st.text()), st.integers(1, 4))
def test_any_other_text_does_not_exist(value: str, count: int) -> None:
    with pytest.raises(NotFound):
        unpack("turn", value, count)


@given(st.binary(), st.integers(1, 4))
def test_any_bytes_in_an_id_are_parts_or_nothing(data: bytes, count: int) -> None:
    value = "turn_" + urlsafe_b64encode(data).decode().rstrip("=")
    try:
        parts = unpack("turn", value, count)
    except NotFound:
        return
    assert len(parts) == count
    assert all(isinstance(part, str) and part for part in parts)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "turn",
        "turn_",
        "turn_=",
        "turn_a",
        "turn_ä",
        "_" + encoded(["a", "b"]),
        "TURN_" + encoded(["a", "b"]),
        "turn_" + encoded(["a", "b"]) + "\n",
        "turn_" + encoded(["a", ""]),
        "turn_" + encoded(["a", 5]),
        "turn_" + encoded(["a", None]),
        "turn_" + encoded({"a": "b", "c": "d"}),
        "turn_" + encoded("ab"),
        "turn_" + urlsafe_b64encode(b"[" * 100_000).decode().rstrip("="),
        "turn_" + urlsafe_b64encode(b"[" + b"1" * 5000 + b",1]").decode().rstrip("="),
    ],
)
def test_what_is_no_id(value: str) -> None:
    with pytest.raises(NotFound):
        unpack("turn", value, 2)


def test_random_ids_are_uuids() -> None:
    assert len({new_id() for _ in range(50)}) == 50
    assert uuid.UUID(new_id()).version == 4


@given(st.integers(0, 2**48 - 1))
def test_time_ordered_ids_hold_their_time(now: int) -> None:
    found = uuid.UUID(time_ordered_id(now))
    assert (found.version, found.variant) == (7, uuid.RFC_4122)
    assert found.int >> 80 == now


@given(st.integers(0, 2**48 - 2))
def test_time_ordered_ids_have_the_order_of_their_times(now: int) -> None:
    assert time_ordered_id(now) < time_ordered_id(now + 1)


def test_an_agent_has_one_uuid() -> None:
    assert agent_uuid("assistant") == agent_uuid("assistant") != agent_uuid("other")
    assert uuid.UUID(agent_uuid("assistant")).version == 5
    known = "0191F3A4-0000-7000-8000-00000000000A"
    assert agent_uuid(known) == known.lower()


def test_the_uuid_of_an_agent_stays_from_release_to_release() -> None:
    # Clients keep it.
    expected = "c5949bda-6565-53e2-803c-32995d7df125"
    assert agent_uuid("assistant") == expected
