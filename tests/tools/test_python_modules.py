"""The Python files beside the agents: which can be named, how they are loaded, and when again."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared.tools.python_modules import PythonModules

ORDERS = "def find(a: int) -> int:\n    return a\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "agents"
    found.mkdir()
    (found / "orders.py").write_text(ORDERS)
    return found


@pytest.fixture
def modules(folder: Path, monkeypatch: pytest.MonkeyPatch) -> PythonModules:
    # As where people work: Python keeps bytecode beside the files.
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    return PythonModules(folder)


def rewrite(path: Path, text: str) -> None:
    """Another text at another time, though within the same second and maybe of the same size."""
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(text)
    os.utime(path, ns=(before + 1, before + 1))


def refusal(modules: PythonModules, reference: str) -> str:
    with pytest.raises(ValueError) as caught:
        modules.function(reference)
    return str(caught.value)


def call(modules: PythonModules, reference: str, *values: Any) -> Any:
    function: Callable[..., Any] = modules.function(reference)
    return function(*values)


def test_a_function_of_a_file(modules: PythonModules) -> None:
    assert call(modules, "orders:find", 5) == 5
    assert modules.function("orders:find") is modules.function("orders:find")


def test_a_function_of_a_file_in_a_folder(folder: Path, modules: PythonModules) -> None:
    (folder / "shop" / "desk").mkdir(parents=True)
    (folder / "shop" / "desk" / "orders.py").write_text(
        "from ...orders import find\ndef twice(a: int) -> int:\n    return 2 * find(a)\n"
    )
    assert call(modules, "shop.desk.orders:twice", 5) == 10


def test_files_import_each_other_relatively(folder: Path, modules: PythonModules) -> None:
    (folder / "prices.py").write_text("RATE = 3\n")
    (folder / "bills.py").write_text(
        "from . import prices\nfrom .orders import find\n"
        "def total(a: int) -> int:\n    return find(a) * prices.RATE\n"
    )
    assert call(modules, "bills:total", 5) == 15


def test_a_file_replaces_nothing_of_python_s(folder: Path, modules: PythonModules) -> None:
    (folder / "json.py").write_text(
        "import json\ndef dumps() -> str:\n    return json.dumps([1])\n"
    )
    assert call(modules, "json:dumps") == "[1]"
    assert sys.modules["json"] is json
    assert "orders" not in sys.modules


def test_two_folders_have_nothing_in_common(tmp_path: Path, modules: PythonModules) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "orders.py").write_text("def find(a: int) -> str:\n    return 'other'\n")
    assert call(modules, "orders:find", 1) == 1
    assert call(PythonModules(other), "orders:find", 1) == "other"
    assert call(modules, "orders:find", 1) == 1


def test_a_file_that_was_not_there_at_first(folder: Path, modules: PythonModules) -> None:
    assert "names the file later.py, which is not beside the agents" in refusal(modules, "later:f")
    (folder / "later.py").write_text("def f() -> int:\n    return 1\n")
    assert call(modules, "later:f") == 1


# -- when files change ------------------------------------------------------------------------


def test_nothing_changes_by_itself(modules: PythonModules) -> None:
    modules.function("orders:find")
    assert modules.version() == modules.version()


def test_a_changed_file_is_loaded_anew(folder: Path, modules: PythonModules) -> None:
    path = folder / "orders.py"
    for number in range(3):
        rewrite(path, f"def find(a: int) -> int:\n    return {number}\n")
        before = modules.version()
        assert call(modules, "orders:find", 5) == number
        rewrite(path, f"def find(a: int) -> int:\n    return {number + 1}\n")
        assert modules.version() != before


@pytest.mark.parametrize("name", ["prices", "deep.prices"])
def test_a_changed_helper_is_loaded_anew(folder: Path, modules: PythonModules, name: str) -> None:
    helper = folder.joinpath(*name.split(".")).with_suffix(".py")
    helper.parent.mkdir(exist_ok=True)
    rewrite(helper, "RATE = 3\n")
    package, _, module = f".{name}".rpartition(".")
    (folder / "bills.py").write_text(
        f"from {package or '.'} import {module}\ndef total() -> int:\n    return {module}.RATE\n"
    )
    old = modules.function("bills:total")
    before = modules.version()
    rewrite(helper, "RATE = 4\n")
    assert modules.version() != before
    assert call(modules, "bills:total") == 4
    assert old() == 3, "a call under way goes on with what it began with"


def test_a_removed_file_is_gone(folder: Path, modules: PythonModules) -> None:
    modules.function("orders:find")
    before = modules.version()
    (folder / "orders.py").unlink()
    assert modules.version() != before
    assert "is not beside the agents" in refusal(modules, "orders:find")


def test_a_file_that_was_mended(folder: Path, modules: PythonModules) -> None:
    path = folder / "orders.py"
    rewrite(path, "def find(:\n")
    assert "cannot be loaded" in refusal(modules, "orders:find")
    rewrite(path, ORDERS)
    modules.version()
    assert call(modules, "orders:find", 7) == 7


# -- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", 'names the function "find", which orders.py does not have'),
        ("\ndef find(:\n", "cannot be loaded: orders.py, line 2: invalid syntax"),
        ("import nowhere_at_all\n", "orders.py, line 1: ModuleNotFoundError: No module named"),
        (
            "\n\nraise RuntimeError('No.')\n",
            "cannot be loaded: orders.py, line 3: RuntimeError: No",
        ),
        ("raise KeyError\n", "cannot be loaded: orders.py, line 1: KeyError"),
        ("import sys\nsys.exit(3)\n", "orders.py, line 2: SystemExit: 3"),
        ("from .helper import x\n", "cannot be loaded: helper.py, line 2: ZeroDivisionError"),
        ("from ..outside import x\n", "orders.py, line 1: ImportError: attempted relative import"),
        ("\0", "cannot be loaded: orders.py"),
    ],
)
def test_the_file_the_line_and_the_error(
    folder: Path, modules: PythonModules, text: str, said: str
) -> None:
    (folder / "helper.py").write_text("x = 0\nx = 1 / 0\n")
    (folder / "orders.py").write_text(text)
    found = refusal(modules, "orders:find")
    assert said in found
    assert str(folder) not in found


def test_links_do_not_lead_out_of_the_folder(folder: Path, modules: PythonModules) -> None:
    outside = folder.parent / "outside.py"
    outside.write_text("def f() -> int:\n    return 1\n")
    (folder / "link.py").symlink_to(outside)
    (folder / "sub").symlink_to(folder.parent)
    assert "leads out of the folder of agents" in refusal(modules, "link:f")
    assert "leads out of the folder of agents" in refusal(modules, "sub.outside:f")


def test_links_within_the_folder_are_followed(folder: Path, modules: PythonModules) -> None:
    (folder / "link.py").symlink_to(folder / "orders.py")
    assert call(modules, "link:find", 2) == 2


def test_a_package_of_the_same_name(folder: Path, modules: PythonModules) -> None:
    (folder / "orders").mkdir()
    (folder / "orders" / "__init__.py").write_text("")
    assert "beside which is a package of that name" in refusal(modules, "orders:find")


def test_a_folder_that_is_only_read(folder: Path, modules: PythonModules) -> None:
    folder.chmod(0o555)
    try:
        assert call(modules, "orders:find", 3) == 3
    finally:
        folder.chmod(0o755)
