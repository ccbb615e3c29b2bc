"""What a call costs, from list prices in USD per million tokens.

`prices.json` beside this file maps a model id, or how it begins, to its prices. Cache writes are
those that last five minutes. They are public list prices and go stale: a deployment that counts on
them puts its own on top (`Prices.load(path)`). All sums are integers: a USD has 1,000,000,000
nano-USD.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from shared.errors import ConfigurationError
from shared.models.port import Usage

_NANO = 10**9
_PER = 10**6
_KINDS = ("input", "output", "cache_read", "cache_write")
# On Bedrock: perhaps an ARN, perhaps where it may run, the maker, the model, its version there.
_ON_BEDROCK = re.compile(r"(?:.*/)?(?:[a-z-]+\.)?anthropic\.(?P<model>.+?)(?:-v\d+(?::\w+)*)?")


@dataclass(frozen=True)
class Price:
    """Nano-USD per million tokens, of each kind.

    `long` are the prices of a call whose prompt, cached tokens included, has more than
    `long_over` tokens.
    """

    input: int
    output: int
    cache_read: int
    cache_write: int
    long_over: int = 0
    long: "Price | None" = None

    def of(self, usage: Usage) -> int:
        """The cost of one call, a fraction of a nano-USD rounded up."""
        prompt = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
        if self.long and prompt > self.long_over:
            return self.long.of(usage)
        total = (
            usage.input_tokens * self.input
            + usage.output_tokens * self.output
            + usage.cache_read_tokens * self.cache_read
            + usage.cache_write_tokens * self.cache_write
        )
        return -(-total // _PER)


class Prices:
    """A price list; the entry with the longest matching beginning counts."""

    def __init__(self, entries: Mapping[str, Price]) -> None:
        self._longest_first = sorted(entries.items(), key=lambda entry: -len(entry[0]))

    @classmethod
    def load(cls, path: Path | None = None) -> "Prices":
        """The list that comes with Parley, with the entries of `path` over it.

        Raises:
            ConfigurationError: the file is not there, or no price list.
        """
        listed = _read(Path(__file__).with_name("prices.json"))
        return cls({**listed, **_read(path)} if path else listed)

    def cost_nano_usd(self, model: str, usage: Usage) -> int | None:
        """What one call with this `usage` costs on `model`; None if its price is unknown.

        A model on Bedrock costs what the same model costs elsewhere, unless it is listed by
        Bedrock's id.
        """
        price = self._of(model)
        if price is None and (found := _ON_BEDROCK.fullmatch(model)):
            price = self._of(found["model"])
        return None if price is None else price.of(usage)

    def priced(self, model: str) -> bool:
        """Whether it is known what a call of `model` costs."""
        return self.cost_nano_usd(model, Usage()) is not None

    def _of(self, model: str) -> Price | None:
        return next((p for prefix, p in self._longest_first if model.startswith(prefix)), None)


def _read(path: Path) -> dict[str, Price]:
    try:
        listed = json.loads(path.read_text("utf-8"))
        return {model: _price(entry) for model, entry in listed.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ArithmeticError) as error:
        raise ConfigurationError(
            f"The price list {path.name} must map model ids to {', '.join(_KINDS)},"
            " each a number of USD per million tokens with at most nine decimals;"
            " `long` may give the same for prompts of more than `over` tokens."
        ) from error


def _price(entry: Mapping[str, Any]) -> Price:
    paid, spoken, read, written = (_nano(entry[kind]) for kind in _KINDS)
    price = Price(paid, spoken, read, written)
    if (long := entry.get("long")) is None:
        return price
    return replace(price, long_over=int(long["over"]), long=_price({**long, "long": None}))


def _nano(usd: str | int | float) -> int:
    # Through `str`, so that a number written 0.1 means exactly that.
    nano = Decimal(str(usd)) * _NANO
    if nano < 0 or nano != int(nano):
        raise ValueError(usd)
    return int(nano)
