"""The commands, as click shows them."""

import subprocess
import sys
import tomllib

import pytest
from click.testing import CliRunner, Result

from shared.cli.main import main
from tests.cli.commands import ROOT


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments), prog_name="parley")


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_lists_the_commands(option: str) -> None:
    result = run(option)

    assert result.exit_code == 0
    assert result.output.startswith("Usage: parley [OPTIONS] COMMAND")
    for command in ("chat ", "check ", "deliveries ", "dev "):
        assert f"  {command}" in result.output


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_of_a_command_says_what_it_does(option: str) -> None:
    result = run("dev", option)

    assert result.exit_code == 0
    assert "--port" in result.output
    assert "8787" in result.output


def test_help_of_chat_names_its_options_and_exit_codes() -> None:
    result = run("chat", "--help")

    assert result.exit_code == 0
    for said in ("--url", "--api", "--agent", "--token", "--conversation", "--once", "130"):
        assert said in result.output


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["check"], ["--tenant", "one of them cannot be used"]),
        (["deliveries"], ["list ", "replay ", "admin"]),
        (["deliveries", "list"], ["--limit", "--api", "--token", "PARLEY_TOKEN", "--json"]),
        (["deliveries", "replay"], ["--all", "--api", "--token-command", "--json"]),
    ],
)
def test_help_of_what_looks_after_a_server(words: list[str], named: list[str]) -> None:
    result = run(*words, "--help")

    assert result.exit_code == 0
    for said in named:
        assert said in result.output


def test_dev_does_without_what_chat_needs() -> None:
    script = (
        "import shared.cli.main, shared.local.dev, sys; "
        "print([name for name in sys.modules if name.startswith("
        "('shared.cli.chat', 'rich', 'prompt_toolkit'))])"
    )
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True)

    assert ran.stdout == b"[]\n"


def test_the_version_is_the_package_s() -> None:
    result = run("--version")

    assert result.exit_code == 0
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert result.output == f"parley, version {project['version']}\n"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["deploy-everything"], "deploy-everything"),
        (["--verbose"], "--verbose"),
        (["dev", "--host", "0.0.0.0"], "--host"),
        (["dev", "--port", "0"], "--port"),
        (["dev", "--port", "65536"], "--port"),
        (["dev", "--port", "http"], "--port"),
        (["dev", "now"], "now"),
        (["chat", "hello"], "hello"),
        (["chat", "--colour"], "--colour"),
        (["check", "agents"], "agents"),
        (["deliveries", "forget"], "forget"),
        (["deliveries", "--colour"], "--colour"),
        (["deliveries", "replay", "--some"], "--some"),
    ],
)
def test_what_it_does_not_know_it_names(arguments: list[str], named: str) -> None:
    result = run(*arguments)

    assert result.exit_code == 2
    assert named in result.output
    assert "Traceback" not in result.output


def test_without_a_command_it_shows_the_help() -> None:
    result = run()

    assert "Usage: parley" in result.output
    assert "dev " in result.output
