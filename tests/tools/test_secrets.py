"""Secrets of tools: where they come from, how long they are kept, and that none gets out."""

import pytest
from pydantic import SecretStr

from shared.errors import ConfigurationError
from shared.settings import tool_secrets
from shared.tools.secrets import ToolSecrets
from tests.support.clock import FakeClock

ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:refunds"


class Manager:
    """Secrets Manager: what it holds, and what it was asked."""

    def __init__(self, **held: str) -> None:
        self.held = held
        self.asked: list[str] = []

    def __call__(self, key: str) -> str:
        self.asked.append(key)
        return self.held[key]


def secrets(manager: Manager | None = None, **environ: str) -> tuple[ToolSecrets, FakeClock]:
    clock = FakeClock()
    return ToolSecrets(tool_secrets(environ), clock, fetch=manager), clock


def refusal(made: ToolSecrets, name: str = "refunds") -> str:
    with pytest.raises(ConfigurationError) as caught:
        made.get(name)
    return caught.value.message


@pytest.mark.parametrize("name", ["refund-api", "refund_api"])
def test_the_environment_comes_first(name: str) -> None:
    manager = Manager()
    made, _ = secrets(manager, PARLEY_SECRET_REFUND_API=" s3cret\n")
    assert made.get(name) == "s3cret"
    assert manager.asked == []


def test_the_environment_may_name_a_secret() -> None:
    manager = Manager(**{ARN: "s3cret\n"})
    made, _ = secrets(manager, PARLEY_SECRET_REFUNDS=f"secretsmanager:{ARN}")
    assert made.get("refunds") == "s3cret"
    assert manager.asked == [ARN]


def test_otherwise_it_is_the_account_s() -> None:
    manager = Manager(**{"parley/refunds": "s3cret"})
    made, _ = secrets(manager, PARLEY_SECRET_REFUNDS="", PARLEY_SECRET_OTHER="other")
    assert made.get("refunds") == "s3cret"
    assert manager.asked == ["parley/refunds"]


def test_a_rotation_is_picked_up_after_a_few_minutes() -> None:
    manager = Manager(**{"parley/refunds": "old"})
    made, clock = secrets(manager)
    made.get("refunds")
    manager.held["parley/refunds"] = "new"

    clock.advance(299)
    assert made.get("refunds") == "old"
    assert len(manager.asked) == 1
    clock.advance(1)
    assert made.get("refunds") == "new"


def test_what_could_not_be_read_is_asked_for_again() -> None:
    manager = Manager()
    made, _ = secrets(manager)
    said = refusal(made)
    assert "Set PARLEY_SECRET_REFUNDS, or check that parley/refunds exists" in said

    manager.held["parley/refunds"] = "s3cret"
    assert made.get("refunds") == "s3cret"


def test_on_a_laptop_the_variable_is_asked_for() -> None:
    made, _ = secrets()
    assert "Set PARLEY_SECRET_REFUND_API to its value" in refusal(made, "refund-api")


def test_an_empty_secret_is_none() -> None:
    made, _ = secrets(Manager(**{"parley/refunds": " \n"}))
    assert "is empty" in refusal(made)


def test_a_secret_has_a_limit() -> None:
    made, _ = secrets(PARLEY_SECRET_REFUNDS="x" * 4096, PARLEY_SECRET_LONG="x" * 4097)
    assert len(made.get("refunds")) == 4096
    said = refusal(made, "long")
    assert "more than 4096 characters" in said
    assert "xxxx" not in said


def test_only_variables_of_tools_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_SECRET_REFUNDS", "s3cret")
    monkeypatch.setenv("SERVICE_TOKEN", "a-token")
    found = tool_secrets()
    assert found["PARLEY_SECRET_REFUNDS"] == SecretStr("s3cret")
    assert all(name.startswith("PARLEY_SECRET_") for name in found)


def test_no_value_is_shown() -> None:
    made, _ = secrets(Manager(**{"parley/other": "s3cret"}), PARLEY_SECRET_REFUNDS="s3cret")
    made.get("other")
    assert "s3cret" not in repr(made) + repr(vars(made))
