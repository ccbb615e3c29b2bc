"""Tools of the planner: dates."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated

from pydantic import Field

from shared.tools.port import ToolFault


@dataclass(frozen=True)
class Day:
    date: date
    weekday: str


def days_between(start: date, end: date) -> int:
    """Count the days between two dates; negative if the end comes first.

    Args:
        start: The first date.
        end: The second date.
    """
    return (end - start).days


def add_days(start: date, days: Annotated[int, Field(ge=-400_000, le=400_000)]) -> Day:
    """Find the date and weekday that lie some days after a date, or before it.

    Args:
        start: The date to count from.
        days: How many days later; negative for earlier.
    """
    try:
        found = start + timedelta(days=days)
    except OverflowError:
        raise ToolFault("That date lies outside the years 1 to 9999.") from None
    return Day(found, f"{found:%A}")
