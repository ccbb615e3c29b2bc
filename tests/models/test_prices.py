"""Costs are exact integers, by the longest entry that fits."""

from pathlib import Path

import pytest

from shared.errors import ConfigurationError
from shared.models.port import Usage
from shared.models.prices import Price, Prices

MILLION = Usage(1_000_000, 1_000_000, 1_000_000, 1_000_000)
USD = 10**9
LISTED = Prices.load()


@pytest.mark.parametrize(
    ("model", "cents"),
    [
        ("claude-sonnet-5", 200 + 1000 + 20 + 250),
        ("claude-sonnet-5-5", 200 + 1000 + 10 + 250),
        ("claude-sonnet-4-5-20250929", 300 + 1500 + 30 + 375),
        ("claude-haiku-4-5", 100 + 500 + 10 + 125),
        ("claude-opus-5-5", 400 + 2000 + 20 + 500),
        ("claude-opus-4-8", 500 + 2500 + 50 + 625),
        ("claude-opus-4-1-20250805", 1500 + 7500 + 150 + 1875),
        ("claude-opus-4-20250514", 1500 + 7500 + 150 + 1875),
        ("claude-fable-5-1", 1000 + 5000 + 25 + 1250),
        ("parley-demo", 0),
        ("anthropic.claude-haiku-4-5-20251001-v1:0", 100 + 500 + 10 + 125),
        ("us.anthropic.claude-sonnet-5", 200 + 1000 + 20 + 250),
        ("us-gov.anthropic.claude-opus-4-8-v1", 500 + 2500 + 50 + 625),
        ("eu.anthropic.claude-opus-4-1-20250805-v1:0", 1500 + 7500 + 150 + 1875),
        ("apac.anthropic.claude-opus-4-8", 500 + 2500 + 50 + 625),
        ("global.anthropic.claude-haiku-4-5-20251001-v1:0", 100 + 500 + 10 + 125),
        (
            "arn:aws:bedrock:us-east-1:123:inference-profile/us.anthropic.claude-opus-5-5-v1:0",
            400 + 2000 + 20 + 500,
        ),
    ],
)
def test_a_million_tokens_of_each_kind_cost_the_list_price(model: str, cents: int) -> None:
    assert LISTED.cost_nano_usd(model, MILLION) == cents * USD // 100


@pytest.mark.parametrize("model", ["gpt", "", "us.anthropic.gpt-v1:0", "anthropic.", "x/y"])
def test_an_unknown_model_has_no_price(model: str) -> None:
    assert LISTED.cost_nano_usd(model, MILLION) is None


def test_a_long_prompt_has_prices_of_its_own() -> None:
    at_most = Usage(60_000, 1000, 40_000, 0)
    over = Usage(60_000, 1000, 40_000, 1)
    assert (
        LISTED.cost_nano_usd("claude-haiku-5-5", at_most) == 60_000 * 100 + 1000 * 500 + 40_000 * 10
    )
    assert LISTED.cost_nano_usd("claude-haiku-5-5", over) == (
        60_000 * 500 + 1000 * 2_500 + 40_000 * 50 + 625
    )


def test_the_longest_entry_counts_whatever_the_order() -> None:
    cheap, dear = Price(1, 1, 1, 1), Price(2, 2, 2, 2)
    for entries in ({"a": cheap, "a-b": dear}, {"a-b": dear, "a": cheap}):
        prices = Prices(entries)
        assert prices.cost_nano_usd("a-b-c", MILLION) == 8
        assert prices.cost_nano_usd("a-c", MILLION) == 4


def test_a_fraction_of_a_nano_usd_is_rounded_up() -> None:
    prices = Prices({"m": Price(1, 0, 0, 0)})
    assert prices.cost_nano_usd("m", Usage(input_tokens=1)) == 1
    assert prices.cost_nano_usd("m", Usage()) == 0


def test_a_file_comes_on_top_of_the_list(tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    one = '{"input": 1, "output": 1, "cache_read": 1, "cache_write": 1}'
    path.write_text(f'{{"claude-opus-4-8": {one}, "us.anthropic.claude-opus": {one}}}', "utf-8")
    prices = Prices.load(path)
    assert prices.cost_nano_usd("claude-opus-4-8", MILLION) == 4 * USD
    assert prices.cost_nano_usd("us.anthropic.claude-opus-4-7-v1:0", MILLION) == 4 * USD
    assert prices.cost_nano_usd("eu.anthropic.claude-opus-4-8-v1:0", MILLION) == 4 * USD
    assert prices.cost_nano_usd("claude-opus-4-7", MILLION) == LISTED.cost_nano_usd(
        "claude-opus-4-7", MILLION
    )


def test_numbers_in_a_file_are_exact(tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    path.write_text(
        '{"m": {"input": 0.1, "output": 0.2, "cache_read": "0.000000001", "cache_write": 3}}',
        "utf-8",
    )
    assert Prices.load(path).cost_nano_usd("m", MILLION) == 3_300_000_001


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"m": {"input": 1}}',
        '{"m": {"input": "x", "output": 1, "cache_read": 1, "cache_write": 1}}',
        '{"m": {"input": -1, "output": 1, "cache_read": 1, "cache_write": 1}}',
        '{"m": {"input": "NaN", "output": 1, "cache_read": 1, "cache_write": 1}}',
        '{"m": {"input": 1, "output": 1, "cache_read": 1, "cache_write": 1, "long": {}}}',
        '{"m": {"input": "1e-10", "output": 1, "cache_read": 1, "cache_write": 1}}',
    ],
)
def test_a_broken_file_is_refused_with_what_it_should_say(text: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigurationError, match=r"mine\.json must map"):
        Prices.load(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        Prices.load(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("model", "known"),
    [
        ("claude-sonnet-5", True),
        ("us.anthropic.claude-sonnet-5", True),
        ("parley-demo", True),
        ("house-model", False),
        ("", False),
    ],
)
def test_whether_a_price_is_known(model: str, known: bool) -> None:
    assert LISTED.priced(model) is known
