"""Another function in the place of `shared.identity.access.may`, wherever that is asked."""

import ast
import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.identity import access

ROOT = Path(__file__).resolve().parents[2]
May = Callable[..., bool]


def askers() -> Iterator[str]:
    """The modules that import the function, by their source."""
    for path in sorted((ROOT / "shared").rglob("*.py")):
        text = path.read_text("utf-8")
        if "identity.access" in text or "identity import access" in text:
            names = {
                name.name
                for node in ast.walk(ast.parse(text))
                if isinstance(node, ast.ImportFrom) and node.module == access.__name__
                for name in node.names
            }
            if "may" in names:
                yield ".".join(path.relative_to(ROOT).with_suffix("").parts)


def decide_by(function: May, patch: pytest.MonkeyPatch) -> set[str]:
    """Put the function in its place; the modules in which it stands now."""
    for name in askers():
        importlib.import_module(name)
    original: Any = access.may
    placed = set()
    for name, module in list(sys.modules.items()):
        # Not in the tests that ask it itself.
        if name.startswith("shared.") and vars(module).get("may") is original:
            patch.setattr(module, "may", function)
            placed.add(name)
    return placed
