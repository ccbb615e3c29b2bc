"""Whatever stands in an agent's file: it is an agent, or there is a line and a sentence."""

import json
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.backends.agents import Agent, AgentFault, parse_agent
from shared.errors import ConfigurationError
from shared.settings import Settings
from shared.tools.specs import ApprovalSpec, HttpSpec, ToolSpec
from shared.wiring import Deployment

EXAMPLE = Path(__file__).with_name("example.yaml").read_text()
# The example as far as it is run: what is changed in it is often near to what is valid.
VALID = re.sub(
    r"(?m)^(knowledge|limits|workflow):.*\n(  .*\n)*|^  - builtin: know.*\n", "", EXAMPLE
)
FIND = 'def find_order(order: int) -> int:\n    """Find an order."""\n    return order\n'

_MARKS = """: _- _? _, _[_]_{_}_{{_}}_&a _*a_!!str _!x _|_| _> _'_"_# _%_@_`_\\_~"""
_PIECES = st.sampled_from(
    [
        *_MARKS.split("_"),
        *("\n", "\n  ", "\n    ", "\t", "\r\n", "\r", "\x85", "\u2028", "\ufeff", "\x00", "\x07"),
        *("yes", "no", "on", "null", "0", "010", "1:30", "0x_", "1_0", "-1", "1.5", "1e3", ".inf"),
        *(
            ".nan",
            "2026-01-31",
            "2026-02-30",
            "<<",
            "=",
            "---\n",
            "...\n",
            "%YAML 1.1\n",
            "9" * 5000,
        ),
        *(
            '"\\UFFFFFFFF"',
            '"\\uD800"',
            "\\x",
            "name: ",
            "tools:\n",
            "  - python: orders:find_order\n",
        ),
        *("approval: ", "required", "limits: ", "builtin: ", "1" + ":0" * 300 + ".5"),
    ]
)
_NAMES = st.sampled_from(
    sorted({*Agent.model_fields, *ToolSpec.names(), *HttpSpec.names(), *ApprovalSpec.names()})
)
_NUMBERS = st.integers() | st.integers(-(10**400), 10**400) | st.floats()
_PLAIN = st.none() | st.booleans() | _NUMBERS | st.text(max_size=20) | _NAMES | _PIECES
_VALUES = st.recursive(
    _PLAIN,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(_NAMES | st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=12,
)
_CONFIGS = st.dictionaries(_NAMES | st.text(max_size=5), _VALUES, max_size=6)


@st.composite
def _changed(draw: st.DrawFn) -> str:
    """The example with pieces put in, taken out, put in the place of others."""
    text = draw(st.sampled_from([VALID, EXAMPLE]))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = start + draw(st.sampled_from([0, 0, 1, 2, 5, 40]))
        text = text[:start] + draw(_PIECES | st.just("")) + text[end:]
    return text


_TEXTS = _changed() | st.lists(_PIECES, max_size=30).map("".join) | st.text(max_size=100)
_FILES = (
    _TEXTS.map(lambda text: text.encode(errors="surrogatepass"))
    | st.binary(max_size=100)
    | _CONFIGS.map(lambda values: json.dumps(values).encode())
)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    base = tmp_path_factory.mktemp("garbage")
    (base / "agents").mkdir()
    (base / "agents" / "orders.py").write_text(FIND)
    (base / "library" / "skills").mkdir(parents=True)
    (base / "library" / "skills" / "tone-of-voice.md").write_text("Be kind.")
    variables = {
        "WORKSPACE_BASE": str(base / "workspace"),
        "ASSISTANT_LOCAL_CONFIG_DIR": str(base / "agents"),
        "LIBRARY_DIR": str(base / "library"),
    }
    made = Deployment(Settings.load(variables, loopback=True))
    yield made
    made.close()


_numbers = count()


def asked(deployment: Deployment, data: bytes) -> str | None:
    """What is said of this file; None where it is an agent."""
    number = next(_numbers)
    path = deployment.settings.assistant_local_config_dir / f"g{number}.yaml"
    path.write_bytes(data)
    try:
        found = deployment.equipped_agents.equipped(f"g{number}", "local").agent
    except ConfigurationError as fault:
        return fault.message.replace(f"g{number}.yaml", "it.yaml")
    finally:
        path.unlink()
    assert Agent.model_validate(json.loads(json.dumps(found.counted()))) == found
    return None


def test_what_is_changed_is_valid_before(deployment: Deployment) -> None:
    assert asked(deployment, VALID.encode()) is None


@given(data=_FILES)
def test_any_file(deployment: Deployment, data: bytes) -> None:
    said = asked(deployment, data)
    if said is not None:
        found = re.fullmatch(r"agents/it\.yaml, line (\d+): (.+)\.", said, re.DOTALL)
        assert found, said
        lines = len(re.findall(rb"\r\n|\r|\n|\xc2\x85|\xe2\x80[\xa8\xa9]", data)) + 1
        assert 1 <= int(found[1]) <= lines
        assert len(said) < 1000
        assert said.isprintable()


@given(values=_CONFIGS)
def test_any_object_of_a_backend(values: dict[str, Any]) -> None:
    good = {"name": "Support", "instructions": "Help."}
    for config in (values, {**good, **values}):
        said = None
        try:
            agent = parse_agent("support", config, default_model="m")
        except AgentFault as fault:
            said = str(fault)
        if said is None:
            assert Agent.model_validate(json.loads(json.dumps(agent.counted()))) == agent
            assert agent.config_hash
        else:
            assert re.fullmatch(r'"[^\n]*" [^\n]+\.', said)
            assert len(said) < 1000
