"""Turns that fail: which status, and that their ids can be looked up."""

from pathlib import Path
from typing import Any

import pytest

from shared.errors import AgentNotUsable, BackendUnavailable, ParleyError, RateLimited, TurnFailed
from shared.models.port import ModelError
from shared.web.errors import error_response
from tests.web.site import Site, model_error, site_in


def state(site: Site, turn: str) -> Any:
    answer = site.ask("GET", f"/turns/{turn}")
    assert answer.status == 200, answer.text
    return answer.body


@pytest.mark.parametrize(
    ("fault", "status", "code", "retryable"),
    [
        (model_error("LLM_UNAVAILABLE"), 502, "LLM_UNAVAILABLE", False),
        (model_error("MODEL_OVERLOADED", retryable=True), 502, "MODEL_OVERLOADED", True),
        (model_error("CONTEXT_TOO_LONG"), 502, "CONTEXT_TOO_LONG", False),
        (model_error("RATE_LIMITED", retryable=True), 429, "RATE_LIMITED", True),
        (TurnFailed("Too long.", code="TURN_TIMEOUT"), 504, "TURN_TIMEOUT", False),
        (AgentNotUsable("secret words"), 500, "AGENT_NOT_USABLE", False),
        (RuntimeError("secret words"), 500, "INTERNAL_ERROR", True),
    ],
)
def test_a_failed_turn_names_its_ids(
    site: Site, fault: ParleyError, status: int, code: str, retryable: bool
) -> None:
    site.model.fault = fault
    answer = site.turn()
    assert answer.status == status
    error = answer.body["error"]
    assert (error["code"], error["retryable"]) == (code, retryable)
    assert answer.body["detail"] == error["message"]
    assert "secret words" not in answer.text
    details = error["details"]
    assert state(site, details["turn_id"])["status"] == "failed"
    site.model.fault = None
    assert site.turn(session_id=details["session_id"]).status == 200
    assert ("retry-after" in answer.headers) == (status == 429)


def test_the_time_that_the_model_asked_for_is_passed_on(tmp_path: Path) -> None:
    fault = ModelError(
        "Too often.", code="RATE_LIMITED", retryable=True, details={"retryAfter": 40}
    )
    with site_in(tmp_path) as site:
        site.model.fault = fault
        answer = site.turn()
    assert (answer.status, answer.headers["retry-after"]) == (429, "40")
    assert answer.body["error"]["details"]["retryAfter"] == 40


def test_todays_budget(tmp_path: Path) -> None:
    with site_in(tmp_path, TENANT_USD_PER_DAY="0.000002") as site:
        assert site.turn().status == 200
        site.clock.advance(61)
        answer = site.turn()
        assert answer.status == 402
        assert answer.body["error"]["code"] == "BUDGET_EXCEEDED"
        assert len(site.model.requests) == 1


def test_a_rate_limit_of_ours_says_when_to_come_back() -> None:
    answer = error_response(RateLimited(retry_after=17))
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "17")


def test_a_backend_that_is_away_says_when_to_come_back() -> None:
    answer = error_response(BackendUnavailable())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
