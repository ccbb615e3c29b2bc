"""How much is tried: a fixed course of 20,000 frames, or as FUZZ_FRAMES and FUZZ_SEED say."""

import os
from collections.abc import Callable
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, seed, settings

USUAL = 20_000
FRAMES = int(os.environ.get("FUZZ_FRAMES", USUAL))
SEED = os.environ.get("FUZZ_SEED")
BATCH = 40

Test = TypeVar("Test", bound=Callable[..., Any])


def extent(examples: int) -> Callable[[Test], Test]:
    """Marks a property test: so many examples by the standard, more in a longer run."""
    chosen = settings(
        max_examples=-(-examples * FRAMES // USUAL),
        derandomize=SEED is None,
        database=None,
        deadline=None,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )

    def marked(test: Test) -> Test:
        made = chosen(test)
        return made if SEED is None else seed(int(SEED))(made)

    return marked
