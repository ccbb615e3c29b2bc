"""How much is tried: a sample with all tests, everything with FAULTS=long (`make faults`)."""

import os
from collections.abc import Sequence
from typing import TypeVar

LONG = os.environ.get("FAULTS") == "long"

Point = TypeVar("Point")


def sample(points: Sequence[Point], every: int) -> Sequence[Point]:
    """All of them in the long form, else every so manyth."""
    return points if LONG else points[::every]
