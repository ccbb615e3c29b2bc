"""docs/agents.md says what an agent may have: all of it, and nothing else."""

import re
from pathlib import Path
from typing import Any

import pytest

from shared.backends.agents import Agent, parse_agent
from shared.backends.yaml_text import Document

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "agents.md").read_text()
NAMED = ("issue_order", "send_mail")
LEAST = {"name": "Support", "instructions": "Help."}


def examples() -> list[dict[str, Any]]:
    """Each a whole agent, or entries of its tools and what follows them."""
    found = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    return [Document(f"tools:\n{text}" if text[0] == " " else text).values for text in found]


def section(title: str) -> str:
    return TEXT.split(f"### {title}\n", 1)[1].split("\n### ", 1)[0]


def test_the_table_names_every_field() -> None:
    named = re.findall(r"(?m)^\| `(\w+)` \|", section("All fields"))
    assert sorted(named) == sorted(set(Agent.model_fields) - {"id"})


@pytest.mark.parametrize("number", range(len(examples())))
def test_the_examples_are_valid(number: int) -> None:
    values = {**LEAST, **examples()[number]}
    # What `confirm_tools` names, the page may have left out.
    values["tools"] = [*values.get("tools", []), *({"python": f"a:{name}"} for name in NAMED)]
    assert parse_agent("support", values, default_model="m").tools
