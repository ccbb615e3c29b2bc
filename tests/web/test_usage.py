"""What a tenant has used, and what a conversation has."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.models.port import Usage
from tests.web.shop import ANN, OTHER_ANN, Shop
from tests.web.shop import refused as forbidden
from tests.web.site import Answer, Site, model_error
from tests.web.test_api import refused
from tests.web.test_deliveries import ADMIN, OTHER_ADMIN, ROBOT

NOTHING = {
    "turns": 0,
    "input_tokens": 0,
    "output_tokens": 0,
    "cache_read_tokens": 0,
    "cache_write_tokens": 0,
    "cost_usd": 0.0,
}
TURN = {**NOTHING, "turns": 1, "input_tokens": 7, "output_tokens": 5, "cost_usd": 3e-06}


def usage(site: Site, query: str = "") -> Any:
    answer = site.ask("GET", f"/usage{query}")
    assert answer.status == 200, answer.text
    return answer.body


def day(site: Site, before: int = 0) -> str:
    today = datetime.fromtimestamp(site.clock.now() / 1000, UTC).date()
    return (today - timedelta(days=before)).isoformat()


def spend(site: Site, cost: int, conversation: str = "c", tenant: str = "default") -> None:
    spent = Usage(1, 2, 3, 4, cost_nano_usd=cost)
    site.deployment.table.write([site.deployment.ledger.add(tenant, conversation, spent)])


def times(number: int) -> dict[str, Any]:
    return {name: value * number for name, value in TURN.items()}


# -- by the day ---------------------------------------------------------------------------------


def test_a_day_has_its_turns(site: Site) -> None:
    for _ in range(2):
        assert site.turn().status == 200
    site.clock.advance(24 * 3600)
    assert site.turn().status == 200

    found = usage(site, f"?from={day(site, 2)}&to={day(site)}")
    assert found["days"] == [
        {"day": day(site, 2), **NOTHING},
        {"day": day(site, 1), **times(2)},
        {"day": day(site), **TURN},
    ]
    assert found["total"] == {**times(3), "cost_usd": 9e-06}


def test_all_shards_and_all_numbers_count(site: Site) -> None:
    for number in range(100):
        spend(site, 10**9, conversation=f"c{number}")
    assert usage(site)["total"] == {
        "turns": 100,
        "input_tokens": 100,
        "output_tokens": 200,
        "cache_read_tokens": 300,
        "cache_write_tokens": 400,
        "cost_usd": 100.0,
    }


def test_the_last_thirty_days(site: Site) -> None:
    days = [each["day"] for each in usage(site)["days"]]
    assert days == [day(site, before) for before in reversed(range(30))]
    before = usage(site, f"?to={day(site, 10)}")["days"]
    assert (len(before), before[-1]["day"]) == (30, day(site, 10))
    since = usage(site, f"?from={day(site, 3)}")["days"]
    assert [each["day"] for each in since] == [day(site, n) for n in (3, 2, 1, 0)]


def test_a_whole_year_is_read_in_batches(site: Site) -> None:
    spend(site, 1000)
    found = usage(site, f"?from={day(site, 365)}")
    assert len(found["days"]) == 366
    assert found["total"]["turns"] == found["days"][-1]["turns"] == 1


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?from=2026-01-02&to=2026-01-01", "query.from: may not be later than `to`"),
        (
            "?from=2024-01-01&to=2025-01-01",
            "query.from: may be at most 366 days before the end; ask for fewer",
        ),
        *(
            (f"?{name}={text}", f"query.{name}: must be a day such as 2026-01-31")
            for name in ("from", "to")
            for text in ("", "today", "2026-02-30", "20260131", "2026-01-31T00:00", "0", "9" * 9)
        ),
    ],
)
def test_days_that_are_refused(site: Site, query: str, said: str) -> None:
    error = refused(site.ask("GET", f"/usage{query}"), 422, "VALIDATION_ERROR")
    assert error["message"] == said
    assert [f"{each['path']}: {each['message']}" for each in error["details"]["faults"]] == [said]


@pytest.mark.parametrize("query", ["?to=0001-01-05", "?from=9999-12-31&to=9999-12-31"])
def test_the_ends_of_time(site: Site, query: str) -> None:
    assert usage(site, query)["total"] == NOTHING


# -- for whom -----------------------------------------------------------------------------------


def test_it_is_for_those_who_administer_the_tenant(shop: Shop) -> None:
    spend(shop, 1000, tenant="acme")
    forbidden(shop.by(ANN, "GET", "/usage"), 403, "FORBIDDEN")
    for person, turns in ((ADMIN, 1), (ROBOT, 1), (OTHER_ADMIN, 0)):
        assert shop.by(person, "GET", "/usage").body["total"]["turns"] == turns
    forbidden(shop.by(OTHER_ANN, "GET", "/usage"), 403, "FORBIDDEN")


# -- by the turn and by the conversation --------------------------------------------------------


def state(site: Site) -> Answer:
    [entry] = site.ask("GET", "/conversations").body
    return site.ask("GET", f"/conversations/{entry['conversation_id']}")


def test_a_conversation_has_what_its_turns_cost(site: Site) -> None:
    session = site.turn().body["session_id"]
    assert state(site).body["usage"] == TURN
    site.turn("Again", session_id=session)
    assert state(site).body["usage"] == times(2)


def test_a_turn_that_failed_says_what_it_cost(site: Site) -> None:
    fault = model_error("LLM_UNAVAILABLE")
    fault.usage = Usage(7, 5, cost_nano_usd=3_000)
    site.model.fault = fault
    accepted = site.turn(wait=0).body
    site.work()
    found = site.ask("GET", f"/turns/{accepted['turn_id']}").body
    assert found["status"] == "failed"
    assert found["usage"] == {"promptTokens": 7, "completionTokens": 5, "costUsd": 3e-06}
    assert state(site).body["usage"] == TURN
    assert usage(site)["total"] == TURN
