"""What a call costs, from list prices in USD per million tokens.

`prices.json` beside this file maps a model id, or how it begins, to its prices. They are public
list prices and go stale: a deployment may put its own file in place (`Prices.load(path)`).
All sums are integers: a USD has 1,000,000,000 nano-USD.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path

from shared.errors import ConfigurationError
from shared.models.port import Usage

_NANO = 10**9
_PER = 10**6
_KINDS = ("input", "output", "cache_read", "cache_write")


@dataclass(frozen=True)
class Price:
    """Nano-USD per million tokens, of each kind."""

    input: int
    output: int
    cache_read: int
    cache_write: int


class Prices:
    """A price list; the entry with the longest matching beginning counts."""

    def __init__(self, entries: Mapping[str, Price]) -> None:
        self._longest_first = sorted(entries.items(), key=lambda entry: -len(entry[0]))

    @classmethod
    def load(cls, path: Path | None = None) -> "Prices":
        """Read `path`, or the list that comes with Parley."""
        path = path or Path(__file__).with_name("prices.json")
        try:
            listed = json.loads(path.read_text("utf-8"))
            return cls({model: _price(entry) for model, entry in listed.items()})
        except (OSError, ValueError, KeyError, TypeError, AttributeError, ArithmeticError) as error:
            raise ConfigurationError(
                f"The price list {path.name} must map model ids to {', '.join(_KINDS)},"
                " each a number of USD per million tokens with at most nine decimals."
            ) from error

    def cost_nano_usd(self, model: str, usage: Usage) -> int | None:
        """What `usage` costs on `model`, a fraction of a nano-USD rounded up; None if unknown."""
        price = self._of(model)
        if price is None:
            return None
        total = (
            usage.input_tokens * price.input
            + usage.output_tokens * price.output
            + usage.cache_read_tokens * price.cache_read
            + usage.cache_write_tokens * price.cache_write
        )
        return -(-total // _PER)

    def _of(self, model: str) -> Price | None:
        return next((p for prefix, p in self._longest_first if model.startswith(prefix)), None)


def cost_nano_usd(model: str, usage: Usage) -> int | None:
    """`Prices.cost_nano_usd` by the list that comes with Parley."""
    return _built_in().cost_nano_usd(model, usage)


@cache
def _built_in() -> Prices:
    return Prices.load()


def _price(entry: Mapping[str, str | int | float]) -> Price:
    return Price(*(_nano(entry[kind]) for kind in _KINDS))


def _nano(usd: str | int | float) -> int:
    # Through `str`, so that a number written 0.1 means exactly that.
    nano = Decimal(str(usd)) * _NANO
    if nano < 0 or nano != int(nano):
        raise ValueError(usd)
    return int(nano)
