"""Agents whose spending is bounded have models whose prices are known."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.backends.configured import ConfiguredAgents
from shared.backends.pricing import Pricing
from shared.backends.yaml_control_plane import YamlControlPlane
from shared.errors import AgentNotUsable, ConfigurationError
from shared.settings import Settings
from shared.wiring import Deployment

KNOWN, UNKNOWN = "claude-sonnet-5", "house-model-1"
WHY = "add it to the file that MODEL_PRICES names, or choose another model."


def agents(folder: Path, default: str, *, budget: bool, **fields: Any) -> ConfiguredAgents:
    values = {"name": "Clerk", "instructions": "You help.", **fields}
    (folder / "clerk.yaml").write_text(yaml.safe_dump(values, sort_keys=False), "utf-8")
    pricing = Pricing(priced=lambda model: model == KNOWN, budget=budget)
    return ConfiguredAgents(YamlControlPlane(folder), default, pricing=pricing)


@pytest.mark.parametrize(
    ("fields", "line", "place", "limit"),
    [
        ({"model": UNKNOWN, "limits": {"turn_usd": 1}}, 3, "model", "limits.turn_usd"),
        (
            {"limits": {"conversation_usd": 1}, "model": UNKNOWN},
            5,
            "model",
            "limits.conversation_usd",
        ),
        (
            {"model": KNOWN, "models_allowed": [KNOWN, UNKNOWN], "limits": {"turn_usd": 1}},
            6,
            "models_allowed.1",
            "limits.turn_usd",
        ),
        ({"limits": {"turn_seconds": 5, "turn_usd": 1}}, 5, "limits.turn_usd", "limits.turn_usd"),
    ],
)
def test_a_limit_of_the_agent(
    tmp_path: Path, fields: dict[str, Any], line: int, place: str, limit: str
) -> None:
    made = agents(tmp_path, UNKNOWN, budget=False, **fields)
    with pytest.raises(AgentNotUsable) as caught:
        made.get("clerk", "t")
    said = f'cannot be kept within {limit}: the price of "{UNKNOWN}" is not known; {WHY}'
    assert caught.value.message == f'{tmp_path.name}/clerk.yaml, line {line}: "{place}" {said}'


def test_the_budget_of_each_tenant(tmp_path: Path) -> None:
    made = agents(tmp_path, KNOWN, budget=True, model=UNKNOWN)
    with pytest.raises(AgentNotUsable, match=r'line 3: "model" cannot be kept within TENANT_USD'):
        made.get("clerk", "t")


@pytest.mark.parametrize(
    "fields",
    [
        {"model": UNKNOWN},
        {"model": UNKNOWN, "limits": {"turn_seconds": 5}},
        {"model": KNOWN, "models_allowed": [KNOWN], "limits": {"turn_usd": 1}},
        {"limits": None},
    ],
)
def test_where_nothing_is_bounded_or_all_is_known(tmp_path: Path, fields: dict[str, Any]) -> None:
    assert agents(tmp_path, KNOWN, budget=False, **fields).get("clerk", "t").id == "clerk"


# -- the settings -------------------------------------------------------------------------------


def deployment(folder: Path, **environ: str) -> Deployment:
    here = {"WORKSPACE_BASE": str(folder), "SIGNING_SECRET": "a-secret-of-these-tests"}
    return Deployment(Settings.load({**here, **environ}, loopback=True))


@pytest.mark.parametrize("variable", ["ANTHROPIC_MODEL", "TITLE_MODEL"])
def test_a_model_of_the_settings(tmp_path: Path, variable: str) -> None:
    made = deployment(tmp_path, TENANT_USD_PER_DAY="5", **{variable: UNKNOWN})
    with pytest.raises(ConfigurationError, match=f'^{variable} is "{UNKNOWN}", whose price is not'):
        _ = made.agents


def test_without_a_budget_it_may_cost_what_it_will(tmp_path: Path) -> None:
    made = deployment(tmp_path, ANTHROPIC_MODEL=UNKNOWN, TITLE_MODEL=UNKNOWN)
    assert made.agents.get("assistant", "local").model == UNKNOWN


def test_a_price_list_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    price = '{"input": "1", "output": "2", "cache_read": "0", "cache_write": "0"}'
    path.write_text(f'{{"house-": {price}}}', "utf-8")
    own = {"ANTHROPIC_MODEL": UNKNOWN, "MODEL_PRICES": str(path)}
    made = deployment(tmp_path, TENANT_USD_PER_DAY="5", **own)
    assert made.agents.get("assistant", "local").model == UNKNOWN
