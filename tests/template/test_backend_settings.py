"""Who is told of the backend and of the history, and which settings a deployment offers at all."""

from collections.abc import Mapping
from typing import Any
from unittest.mock import patch

import pytest

from shared.errors import ConfigurationError
from shared.settings import Settings
from shared.wiring import Deployment
from tests.template.in_process import HANDLERS
from tests.template.reach import Reach
from tests.template.variables import FUNCTIONS, PARAMETERS, declared, environment

FIELDS = Settings.model_fields
VARIABLES = {name: field.alias or name.upper() for name, field in FIELDS.items()}
ABOUT = {name for name in FIELDS if name.startswith(("backend_", "history_"))}
ABOUT -= {"history_token_budget"}

NUMBERS = {
    "BackendTimeoutSec": "backend_timeout_sec",
    "BackendCacheSec": "backend_cache_sec",
    "HistoryIdleSec": "history_idle_sec",
    "HistoryQueueMaxSize": "history_queue_max_size",
    "HistoryRetryMaxAttempts": "history_retry_max_attempts",
    "HistoryRetryBackoffSec": "history_retry_backoff_sec",
    "HistoryFinalizeDrainTimeoutSec": "history_finalize_drain_timeout_sec",
}

LAPTOP = "of a laptop"
FILES = "the artifact's own folders are the usual ones"
TUNED = "the usual value serves; whoever needs another one adds the variable to the template"
CLOSED = "it would open what a deployment keeps closed"
NOT_OFFERED: Mapping[str, str] = {
    "loopback": LAPTOP,
    "port": LAPTOP,
    "workspace_base": LAPTOP,
    "database_url": LAPTOP,
    "assistant_local_config_dir": FILES,
    "library_dir": FILES,
    "auth_allow_public": CLOSED,
    "allow_private_addresses": CLOSED,
    "service_tenant": TUNED,
    "auth_jwt_leeway_sec": TUNED,
    "model_max_retries": TUNED,
    "model_base_backoff_sec": TUNED,
    "model_max_backoff_sec": TUNED,
    "history_token_budget": TUNED,
    "turn_seconds": TUNED,
    "lease_sec": TUNED,
    "heartbeat_sec": TUNED,
    "worker_max_sec": TUNED,
    "session_backlog": TUNED,
    "push_window_ms": TUNED,
    "push_buffer_events": TUNED,
}
"""Settings that the template tells no function, and why."""


class Watched(Settings):
    """Notes in `read` which of its fields somebody asks for."""

    def __getattribute__(self, name: str) -> Any:
        if name in FIELDS:
            READ.add(name)
        return super().__getattribute__(name)


READ: set[str] = set()


def load(function: str, **chosen: str) -> Settings:
    given = {"BackendUrl": "https://product.example.com", "BackendToken": "given", **chosen}
    return Watched.load(environment(function, None, **given), secrets=lambda _arn: "s" * 48)


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_it_is_told_exactly_what_it_asks_for(function: str) -> None:
    keys = {"AuthMode": "jwt", "AuthJwtSecret": "given", "AnthropicApiKey": "given"}
    settings = load(function, OtpSender="codes@example.com", **keys)
    READ.clear()
    with patch.dict("os.environ", {"AWS_DEFAULT_REGION": "us-east-1"}):
        Reach(Deployment(settings), HANDLERS[function])
    told = {name for name in ABOUT if VARIABLES[name] in declared(function)}
    assert told == ABOUT & READ


@pytest.mark.parametrize("function", ["SendMessage", "Worker", "Executor"])
def test_what_is_set_about_the_backend_arrives(function: str) -> None:
    settings = load(function, BackendMode="http", BackendTimeoutSec="2.5", BackendCacheSec="0")
    assert settings.backend == "https://product.example.com"
    assert settings.backend_token is not None
    assert (settings.backend_timeout_sec, settings.backend_cache_sec) == (2.5, 0)
    assert load(function, BackendMode="disabled").backend is None


@pytest.mark.parametrize("function", ["Worker", "Executor"])
def test_a_history_that_is_not_wanted_is_not_recorded(function: str) -> None:
    assert load(function).records_history
    assert not load(function, HistoryEnabled="false").records_history


@pytest.mark.parametrize(("parameter", "setting"), NUMBERS.items())
def test_a_number_has_the_default_and_the_bounds_of_its_setting(
    parameter: str, setting: str
) -> None:
    given = PARAMETERS[parameter]
    [function, *_] = [each for each in FUNCTIONS if VARIABLES[setting] in declared(each)]
    assert getattr(load(function), setting) == FIELDS[setting].default
    for bound in (given["MinValue"], given["MaxValue"]):
        assert getattr(load(function, **{parameter: str(bound)}), setting) == bound
    for beyond in (given["MinValue"] - 1, given["MaxValue"] + 1):
        with pytest.raises(ConfigurationError):
            load(function, **{parameter: str(beyond)})


def test_every_number_about_it_is_tried() -> None:
    about = {name for name in PARAMETERS if name.startswith(("Backend", "History"))}
    assert {name for name in about if PARAMETERS[name]["Type"] == "Number"} == set(NUMBERS)


def test_every_setting_is_told_to_somebody_or_left_out_for_a_reason() -> None:
    told = {name for each in FUNCTIONS for name in declared(each)}
    assert {name for name in FIELDS if VARIABLES[name] not in told} == set(NOT_OFFERED)
