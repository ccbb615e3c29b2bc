"""What a tenant has used, day by day, for its administrators."""

import re
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AfterValidator, BaseModel

from shared.conversations.usage_reports import Used
from shared.errors import Forbidden
from shared.identity.access import Thing, may
from shared.web.auth import Caller
from shared.web.errors import error_bodies
from shared.web.services import Services

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_NANO = 10**9


def _day(text: str) -> str:
    if not _DAY.fullmatch(text) or not _exists(text):
        raise ValueError("must be a day such as 2026-01-31")
    return text


def _exists(day: str) -> bool:
    try:
        date.fromisoformat(day)
    except ValueError:
        return False
    return True


_Day = Annotated[str, AfterValidator(_day)]
From = Annotated[
    _Day | None, Query(alias="from", description="The first day (UTC); 30 days by default.")
]
To = Annotated[_Day | None, Query(description="The last day (UTC); today by default.")]


class UsageEntry(BaseModel):
    """Turns that have ended, tokens, and what they cost in USD. `input_tokens` are those that were
    neither read from a cache nor written to one. What has no known price costs nothing here."""

    turns: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    cost_usd: float


class DayEntry(UsageEntry):
    """One day (UTC)."""

    day: str


class UsageReport(BaseModel):
    """Each day in its order, those with nothing too, and all of them together."""

    days: list[DayEntry]
    total: UsageEntry


def router(services: Services) -> APIRouter:
    api = APIRouter(tags=["usage"])

    @api.get("/usage", responses=error_bodies(401, 403, 422))
    def get_usage(caller: Caller, first: From = None, to: To = None) -> UsageReport:
        """What the caller's tenant has used on each day from `from` to `to`, both included, of
        which there may be 366; for its administrators."""
        if not may(caller, "read", Thing(tenant=caller.tenant, owner=None)):
            raise Forbidden("This is for the roles admin and service.")
        found = services.usage.days(caller.tenant, _date(first), _date(to))
        days = [DayEntry(day=day.isoformat(), **_numbers(used)) for day, used in found]
        total = sum((used for _, used in found), Used())
        return UsageReport(days=days, total=entry(total))

    return api


def entry(used: Used) -> UsageEntry:
    """As callers see it."""
    return UsageEntry(**_numbers(used))


def _numbers(used: Used) -> dict[str, float]:
    return {
        "turns": used.turns,
        "input_tokens": used.input_tokens,
        "output_tokens": used.output_tokens,
        "cache_read_tokens": used.cache_read_tokens,
        "cache_write_tokens": used.cache_write_tokens,
        "cost_usd": used.cost / _NANO,
    }


def _date(day: str | None) -> date | None:
    return None if day is None else date.fromisoformat(day)
