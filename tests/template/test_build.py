"""What the artifact is made of, and which interpreter makes it."""

import subprocess
import sys
from pathlib import Path

import pytest

from scripts import build
from scripts.markers import for_target

LOCK = """\
# made by a tool
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:aa
    # via click
h11==0.16.0 ; sys_platform != 'emscripten' \\
    --hash=sha256:bb \\
    --hash=sha256:cc
old==1 ; python_full_version < '3.12' \\
    --hash=sha256:dd
six==1.17.0 \\
    --hash=sha256:ee
"""


def test_pins_for_other_machines_are_left_out() -> None:
    pins = for_target(LOCK, python="3.13", machine="aarch64")
    assert [line for line in pins.splitlines() if "==" in line] == [
        "h11==0.16.0 \\",
        "six==1.17.0 \\",
    ]
    assert "sha256:cc" in pins
    assert "sha256:aa" not in pins


def test_tests_and_leftovers_stay_at_home() -> None:
    names = [path.relative_to(build.ROOT).as_posix() for path in build.sources()]
    assert "shared/errors.py" in names
    assert not [name for name in names if name.startswith(("tests", "docs", "scripts"))]
    assert not [name for name in names if "__pycache__" in name or "/." in name]


def test_the_same_stage_gives_the_same_zip(tmp_path: Path) -> None:
    stage = tmp_path / "stage"
    stage.mkdir()
    (stage / "b.py").write_text("b = 1")
    first = build.make_zip(stage, tmp_path / "first.zip").read_bytes()
    (stage / "b.py").touch()
    assert build.make_zip(stage, tmp_path / "second.zip").read_bytes() == first


def shim(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def find_python(version: str, *folders: Path, home: Path) -> str:
    path = ":".join([*map(str, folders), "/usr/bin", "/bin"])
    found = subprocess.run(
        [build.ROOT / "scripts" / "find-python", version],
        env={"PATH": path, "HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.strip()


def test_an_empty_shim_is_passed_over(tmp_path: Path) -> None:
    empty, real = tmp_path / "shims", tmp_path / "real"
    shim(empty, "python3", "echo 'no such version' >&2; exit 127")
    shim(real, "python3", f'exec {sys.executable} "$@"')

    assert find_python("3.11+", empty, real, home=tmp_path) == sys.executable


def test_no_interpreter_is_an_empty_answer(tmp_path: Path) -> None:
    assert find_python("3.99", home=tmp_path) == ""


@pytest.mark.parametrize("arch", ["arm64", "x86_64"])
def test_wheels_are_asked_for_the_target(arch: str) -> None:
    target = build.for_lambda(arch)
    assert f"manylinux2014_{build.MACHINES[arch]}" in target.pip
    assert "3.13" in target.pip
    assert " ; " not in target.requirements


@pytest.mark.parametrize("arch", ["arm64", "x86_64"])
def test_what_checks_tokens_is_in_the_artifact(arch: str) -> None:
    pins = {line.partition("==")[0] for line in build.for_lambda(arch).requirements.splitlines()}
    assert {"pyjwt", "cryptography", "cffi"} <= pins
