"""Every code of an error that clients can get is shown by a scenario, or by a test that can cause
what no frame can."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios import script

ROOT = Path(__file__).resolve().parents[2]

ELSEWHERE = {
    # A store that is away, a page's origin, 64 sessions, a fault of ours.
    "SERVICE_UNAVAILABLE": "tests/conversations/test_stops.py",
    "ORIGIN_NOT_ALLOWED": "tests/conversations/test_turn_limits.py",
    "TOO_MANY_SESSIONS": "tests/conversations/test_frame_counts.py",
    "INTERNAL_ERROR": "tests/conversations/test_endings.py",
    # An agent that changes while a turn is under way.
    "DYNAMIC_VARIABLES_MISSING": "tests/conversations/test_variables.py",
    # Of the HTTP API alone.
    "NOT_FOUND": "tests/web/test_api.py",
    "APPROVAL_NOT_FOUND": "tests/web/test_approval_rights.py",
    "DELETION_NOT_FOUND": "tests/deleting/test_deletion.py",
    "TENANT_NOT_FOUND": "tests/deleting/test_erasure.py",
    "DELIVERY_NOT_FOUND": "tests/web/test_deliveries.py",
    "FILE_NOT_FOUND": "tests/web/test_uploads.py",
    "DELIVERY_NOT_DEAD": "tests/web/test_deliveries.py",
    "MAILBOX_FULL": "tests/mailbox/test_replays.py",
    # A backend that is away.
    "BACKEND_UNAVAILABLE": "tests/local/test_dev_backend.py",
    # A price that is not known where there is a budget.
    "AGENT_ERROR": "tests/runner/test_limits.py",
    # A configuration that is not valid.
    "AGENT_NOT_USABLE": "tests/local/test_unusable_agents.py",
}

UNSEEN = {
    # For operators; clients are told INTERNAL_ERROR.
    "CONFIGURATION_ERROR",
    # A handshake that is refused has a status and no event: identity.yaml.
    "FORBIDDEN",
}


# What a program gets from its `Runner` reaches no client.
PROGRAMS = ROOT / "shared" / "runner" / "port.py"


def nodes() -> Iterator[ast.AST]:
    for path in sorted((ROOT / "shared").rglob("*.py")):
        if path != PROGRAMS:
            yield from ast.walk(ast.parse(path.read_text("utf-8")))


def defaults() -> dict[str, str]:
    """The codes that classes of errors have, by class."""
    found: dict[str, str] = {}
    heirs: dict[str, str] = {}
    for node in nodes():
        if not isinstance(node, ast.ClassDef):
            continue
        if node.bases and isinstance(node.bases[0], ast.Name):
            heirs[node.name] = node.bases[0].id
        for entry in node.body:
            match entry:
                case (
                    ast.Assign(targets=[ast.Name("code")], value=ast.Constant(str(code)))
                    | ast.AnnAssign(target=ast.Name("code"), value=ast.Constant(str(code)))
                ):
                    found[node.name] = code
                case _:
                    pass
    inherited = {name: found[base] for name, base in heirs.items() if base in found}
    return inherited | found


def constants() -> dict[str, str]:
    """The texts that names stand for, in whatever module."""
    found: dict[str, str] = {}
    for node in nodes():
        match node:
            case ast.Assign(targets=[ast.Name(name)], value=ast.Constant(str(text))):
                found[name] = text
            case _:
                pass
    return found


def raised() -> set[str]:
    """The codes with which errors are made: their own, or else that of their class."""
    classes, named = defaults(), constants()
    codes: set[str] = set()
    for node in nodes():
        match node:
            case ast.Raise(exc=ast.Name(name)) if name in classes:
                codes.add(classes[name])
            case ast.Call(func=function, keywords=words):
                given = [word.value for word in words if word.arg == "code"]
                codes |= {str(each.value) for each in given if isinstance(each, ast.Constant)}
                codes |= {named.get(each.id, "") for each in given if isinstance(each, ast.Name)}
                if not given and isinstance(function, ast.Name) and function.id in classes:
                    codes.add(classes[function.id])
            case _:
                pass
    return {code for code in codes if re.fullmatch("[A-Z][A-Z_]+", code)} - UNSEEN


def shown(value: Any) -> Iterator[str]:
    """The codes in what scenarios expect."""
    match value:
        case {"error": {"code": str(code)}}:
            yield code
        case dict():
            for entry in value.values():
                yield from shown(entry)
        case list():
            for entry in value:
                yield from shown(entry)
        case _:
            pass


def in_scenarios() -> set[str]:
    return {code for scenario in script.load().values() for code in shown(scenario["when"])}


def test_every_code_is_shown() -> None:
    assert raised() - in_scenarios() == set(ELSEWHERE)


def test_no_scenario_expects_a_code_that_nobody_raises() -> None:
    assert in_scenarios() <= raised()


@pytest.mark.parametrize(("code", "path"), ELSEWHERE.items())
def test_what_no_frame_can_cause_is_tested_elsewhere(code: str, path: str) -> None:
    assert f'"{code}"' in (ROOT / path).read_text("utf-8")
