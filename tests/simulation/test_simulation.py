"""The promises hold under seeded faults, and the simulation would notice if a rule were missing."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulation.faults import Rates
from tests.simulation.rules import RULES
from tests.simulation.run import run

SEEDS = 96
CHUNK = 8

NEEDED = {"1": 34, "2": 1, "3": 72, "4": 0, "5": 2, "7": 4, "10": 116, "11": 52}
"""A seed for each rule that fails without it. After a change of the operations another seed may be
needed: `python -m tests.simulation --seeds 300 --without RULE` finds one."""


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_promises_hold(first: int, tmp_path: Path) -> None:
    broken = {seed: found for seed in range(first, first + CHUNK) if (found := run(seed, tmp_path))}
    assert not broken


def test_without_faults_every_job_completes_or_was_stopped(tmp_path: Path) -> None:
    calm = Rates(on=False)
    broken = {seed: found for seed in range(8) if (found := run(seed, tmp_path, rates=calm))}
    assert not broken


@pytest.mark.parametrize("rule", NEEDED)
def test_each_rule_is_needed(rule: str, tmp_path: Path) -> None:
    with_rule, without = tmp_path / "with", tmp_path / "without"
    with_rule.mkdir()
    without.mkdir()
    assert not run(NEEDED[rule], with_rule)
    assert run(NEEDED[rule], without, RULES[rule]), f"the seed does not need rule {rule}"
