"""Where lists of approvals do not go on, whatever a cursor says."""

from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.ids import pack, unpack
from tests.web.shop import ANN, BOB, OTHER_ANN, Shop, ids
from tests.web.site import next_page

PLACE = pack("approvals", "0", "1", "c", "TURN#s#q", "0-0")
FORGED = [
    *("x", "approvals", "approvals_", "approvals_!", "bm9uc2Vuc2U", pack("approvals")),
    *(PLACE + "=", PLACE + "AA", pack("conversations", "0"), pack("approvals", "2")),
    *(pack("approvals", "-1"), pack("approvals", "00"), pack("approvals", "0", "x")),
    *(pack("approvals", "0", "-1"), pack("approvals", "0", "1e3"), pack("approvals", "0", "1_0")),
    *(
        pack("approvals", "0", " 1"),
        pack("approvals", "0", str(10**15)),
        pack("approvals", "\u0660"),
    ),
    *(pack("approvals", "0", "1", "c"), pack("approvals", "0", "1", "c", "TURN#s#q")),
    pack("approvals", "0", "1", "c", "r", "k" * 513),
    pack("approvals", "0", "1", "c", "r" * 512, "k" * 512),
    pack("approvals", "0", "1", "c", "TURN#s#q", "0-0", "more"),
]


@pytest.mark.parametrize("cursor", FORGED)
def test_what_is_no_cursor_is_refused(shop: Shop, cursor: str) -> None:
    shop.approval(ANN)
    answered = shop.by(ANN, "GET", f"/approvals?cursor={quote(cursor)}")
    error = answered.body["error"]
    assert (answered.status, error["code"]) == (422, "VALIDATION_ERROR")
    assert error["message"].startswith("cursor: ")


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "limit=x", "state=all", "state=", "cursor=" + "x" * 2049],
)
def test_a_bad_page_is_refused(local_shop: Shop, query: str) -> None:
    answered = local_shop.by(ANN, "GET", f"/approvals?{query}")
    assert (answered.status, answered.body["error"]["code"]) == (422, "VALIDATION_ERROR")
    assert "x" * 50 not in answered.text


def test_somebody_elses_cursor_is_a_place_in_ones_own_list(shop: Shop) -> None:
    bobs = [shop.approval(BOB)]
    anns = [shop.approval(ANN) for _ in range(2)]
    bobs.append(shop.approval(BOB))
    link = next_page(shop.by(ANN, "GET", "/approvals?limit=1"))
    assert link is not None
    assert ids(shop.by(ANN, "GET", link).body) == anns[:1]
    # What Bob has is older than where she was, or newer.
    assert ids(shop.by(BOB, "GET", link).body) == bobs[:1]
    assert shop.by(OTHER_ANN, "GET", link).body == []


WORDS = st.one_of(
    st.sampled_from(["0", "1", "", "TURN#s#q", "0-0", "1700000000000"]), st.text(max_size=40)
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(words=st.lists(WORDS, max_size=6))
def test_whatever_a_cursor_is_it_does_no_harm(local_shop: Shop, words: list[str]) -> None:
    try:
        cursor = pack("approvals", *words)
    except UnicodeEncodeError:
        return
    answered = local_shop.by(ANN, "GET", f"/approvals?cursor={quote(cursor)}")
    assert answered.status in (200, 422), answered.text
    if answered.status == 200:
        assert unpack("approvals", cursor, len(words))[0] in ("0", "1")


def test_the_largest_cursor_that_is_one_can_be_read(shop: Shop) -> None:
    cursor = pack("approvals", "1", str(10**15 - 1), "#" * 512, "r" * 512, "k" * 64)
    assert shop.listed(ANN, f"?cursor={quote(cursor)}") == []
