"""`parley dev`: the settings of a laptop, and what the start says."""

import stat
from collections.abc import Mapping
from pathlib import Path

import pytest

from shared.errors import ConfigurationError
from shared.local.dev import LocalSettings, greeting, load
from shared.messaging.addresses import AddressGuard
from shared.messaging.http import AddressRefused

SECRETS = {
    "ANTHROPIC_API_KEY": "sk-ant-the-key-of-this-developer",
    "SERVICE_TOKEN": "the-service-token-of-this-developer",
    "SIGNING_SECRET": "the-signing-secret-of-this-developer",
}


def loaded(workspace: Path, **variables: str) -> LocalSettings:
    return load({"WORKSPACE_BASE": str(workspace), **variables})


def secret(local: LocalSettings) -> str:
    return local.settings.require_signing_secret().get_secret_value()


def secret_file(workspace: Path) -> Path:
    return workspace / ".parley" / "signing-secret"


# -- the model ----------------------------------------------------------------------------------


def test_without_a_key_the_demo_model_answers_on_the_same_port(tmp_path: Path) -> None:
    local = loaded(tmp_path, PORT="9123")

    assert local.demo
    assert local.settings.anthropic_base_url == "http://127.0.0.1:9123/_demo"
    assert local.settings.anthropic_api_key is None


@pytest.mark.parametrize(
    "variables",
    [{"ANTHROPIC_API_KEY": "sk-ant-key"}, {"ANTHROPIC_BASE_URL": "http://127.0.0.1:1/other"}],
)
def test_with_a_key_or_an_endpoint_there_is_no_demo_model(
    tmp_path: Path, variables: Mapping[str, str]
) -> None:
    local = loaded(tmp_path, **variables)

    assert not local.demo
    assert local.settings.anthropic_base_url == variables.get("ANTHROPIC_BASE_URL")


def test_an_empty_key_is_none(tmp_path: Path) -> None:
    assert loaded(tmp_path, ANTHROPIC_API_KEY="  ").demo


# -- the port, and who may come in --------------------------------------------------------------


def test_the_port_of_the_command_line_wins(tmp_path: Path) -> None:
    assert loaded(tmp_path).settings.port == 8787
    assert loaded(tmp_path, PORT="9001").settings.port == 9001
    both = load({"WORKSPACE_BASE": str(tmp_path), "PORT": "9001"}, 9002)
    assert both.settings.port == 9002


@pytest.mark.parametrize("port", ["0", "-1", "65536", "http"])
def test_a_port_that_nobody_could_name_is_refused(tmp_path: Path, port: str) -> None:
    """With port 0 nobody, the server itself included, would know where it is."""
    with pytest.raises(ConfigurationError, match="PORT"):
        loaded(tmp_path, PORT=port)


def test_nobody_needs_a_credential_on_loopback_unless_told_so(tmp_path: Path) -> None:
    assert loaded(tmp_path).settings.loopback
    assert loaded(tmp_path).settings.auth_mode == "none"
    assert loaded(tmp_path, AUTH_MODE="token").settings.auth_mode == "token"


def test_private_addresses_are_refused_on_a_laptop_too(tmp_path: Path) -> None:
    settings = loaded(tmp_path).settings
    guard = AddressGuard(allow_private=settings.allow_private_addresses)

    with pytest.raises(AddressRefused):
        guard.check("http://127.0.0.1:8787/")


def test_settings_for_aws_are_refused(tmp_path: Path) -> None:
    aws = {
        "TABLE_NAME": "parley",
        "BUCKET_NAME": "parley",
        "QUEUE_URL": "https://sqs.example/parley",
        "CONNECTIONS_URL": "https://connections.example/prod",
    }
    with pytest.raises(ConfigurationError, match="TABLE_NAME"):
        loaded(tmp_path, **aws)
    assert not secret_file(tmp_path).exists()


# -- the secret ---------------------------------------------------------------------------------


def test_a_workspace_keeps_a_secret_of_its_own(tmp_path: Path) -> None:
    first, again = loaded(tmp_path / "a"), loaded(tmp_path / "a")
    other = loaded(tmp_path / "b")

    assert secret(first) == secret(again)
    assert secret(first) != secret(other)
    assert len(secret(first)) >= 48


def test_only_its_owner_may_read_the_secret(tmp_path: Path) -> None:
    loaded(tmp_path)

    assert stat.S_IMODE(secret_file(tmp_path).stat().st_mode) == 0o600
    assert [path.name for path in secret_file(tmp_path).parent.iterdir()] == ["signing-secret"]


def test_a_secret_that_is_set_is_used_and_none_is_made(tmp_path: Path) -> None:
    local = loaded(tmp_path, SIGNING_SECRET="set-by-the-developer")

    assert secret(local) == "set-by-the-developer"
    assert not secret_file(tmp_path).exists()


def test_the_secret_of_two_starts_at_once_is_the_one_that_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "exists", lambda _path: False)
    loaded(tmp_path)

    assert secret(loaded(tmp_path)) == secret_file(tmp_path).read_text()


# -- the greeting -------------------------------------------------------------------------------


def test_the_greeting_says_where_to_go(tmp_path: Path) -> None:
    said = greeting(loaded(tmp_path, PORT="9123"))

    assert said.startswith("Parley is running.\n")
    assert "ws://127.0.0.1:9123/ws" in said
    assert "http://127.0.0.1:9123/docs" in said
    assert str(tmp_path) in said
    assert "demo" in said


@pytest.mark.parametrize("demo", [True, False])
def test_the_greeting_shows_no_secret(tmp_path: Path, demo: bool) -> None:
    variables = {name: value for name, value in SECRETS.items() if not demo or "API" not in name}
    local = loaded(tmp_path, **variables)

    assert local.demo is demo
    for text in (greeting(local), repr(local), str(local.settings)):
        for value in SECRETS.values():
            assert value not in text


def test_the_greeting_does_not_show_the_workspace_s_own_secret(tmp_path: Path) -> None:
    local = loaded(tmp_path)

    assert secret_file(tmp_path).read_text() not in greeting(local) + repr(local)


def test_the_greeting_of_a_real_model_speaks_of_no_demo(tmp_path: Path) -> None:
    said = greeting(loaded(tmp_path, **SECRETS))

    assert "demo" not in said.lower()
    assert "https://api.anthropic.com" in said
