"""The settings, and the only reader of the environment.

Everything is read once into one frozen object. A contradiction stops the start with a sentence
that says what to set; nothing falls back in silence. Names that are not here are ignored, and
an empty value is the same as none.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, Self

import pydantic
from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from shared import settings_types as types
from shared.errors import ConfigurationError
from shared.protocol.faults import Fault, faults
from shared.settings_rules import contradictions

SECRET_PREFIX = "secretsmanager:"  # noqa: S105
"""A value that begins so names a secret: what follows is its ARN."""

Secrets = Callable[[str], str]
"""Reads a secret by its ARN."""


class Settings(BaseModel):
    """What this process was told. The name of a field in capitals is its variable.

    Times end in `_sec` (seconds) or `_ms`. `loopback` says that only this machine can reach the
    process; it is the caller's knowledge and no variable.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=str.upper, hide_input_in_errors=True
    )

    loopback: bool = Field(False, alias="loopback")

    mode: Literal["executor", "standalone"] = Field("executor", alias="PARLEY_MODE")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    tracing: bool = False
    port: int = Field(8787, ge=0, le=65_535)

    workspace_base: Path = Path("workspace")
    database_url: types.SqlitePath | None = None
    table_name: str | None = None
    bucket_name: str | None = None
    queue_url: types.HttpUrl | None = None
    connections_url: types.HttpUrl | None = None

    assistant_local_config_dir: Path = Path("agents")
    library_dir: Path = Path("library")
    backend_mode: Literal["auto", "http", "disabled"] = "auto"
    backend_url: types.HttpUrl | None = None
    backend_token: SecretStr | None = None
    backend_timeout_sec: float = Field(5, gt=0, le=60, allow_inf_nan=False)
    backend_cache_sec: float = Field(15, ge=0, le=3600, allow_inf_nan=False)
    history_enabled: bool = True
    history_queue_max_size: int = Field(256, ge=1, le=256)
    history_retry_max_attempts: int = Field(5, ge=1, le=100)
    history_retry_backoff_sec: types.Seconds = 0.2
    history_finalize_drain_timeout_sec: float = Field(30, ge=0, le=86_400, allow_inf_nan=False)
    history_idle_sec: float = Field(1800, ge=1, le=7 * 86_400, allow_inf_nan=False)

    auth_mode: Literal["none", "token", "jwt"] = "token"
    auth_allow_public: bool = False
    service_token: types.LongSecret | None = None
    service_tenant: types.Name = "default"
    signing_secret: types.LongSecret | None = None
    auth_jwt_secret: types.JwtSecret | None = None
    auth_jwt_public_key: types.PublicKey | None = None
    auth_jwks_url: types.HttpUrl | None = None
    auth_jwt_issuer: types.Name | None = None
    auth_jwt_audience: types.Names = ()
    auth_jwt_tenant: types.Name | None = None
    auth_jwt_leeway_sec: float = Field(30, ge=0, le=300, allow_inf_nan=False)
    auth_jwt_single_use: bool = False
    auth_grace_sec: float = Field(60, ge=0, le=3600, allow_inf_nan=False)
    auth_context_secret: types.LongSecret | None = None
    cors_origins: types.Origins = ()
    otp_sender: types.Sender | None = None
    otp_ttl_sec: int = Field(300, ge=60, le=3600)

    model_provider: Literal["anthropic", "bedrock"] = "anthropic"
    anthropic_api_key: SecretStr | None = None
    anthropic_base_url: types.HttpUrl | None = None
    anthropic_model: types.Name = "claude-sonnet-5"
    model_max_retries: int = Field(3, ge=0, le=10)
    model_base_backoff_sec: types.Seconds = 0.5
    model_max_backoff_sec: types.Seconds = 8
    model_rate_per_minute: int | None = Field(None, ge=1, le=1_000_000)
    model_prices: Path | None = None
    title_model: types.Name | None = None
    summary_model: types.Name | None = None
    judge_model: types.Name | None = None
    knowledge_refresh_sec: float = Field(60, ge=0, le=86_400, allow_inf_nan=False)
    history_token_budget: int = Field(100_000, ge=1000, le=1_000_000)
    turn_seconds: types.Seconds = 600
    max_upload_mb: int = Field(25, ge=1, le=100)
    retention_days: int | None = Field(None, ge=1, le=36_500)

    lease_sec: float = Field(30, ge=1, le=900, allow_inf_nan=False)
    heartbeat_sec: types.Seconds = 10
    worker_max_sec: types.Seconds | None = None
    session_backlog: int = Field(32, ge=0, le=200)
    approval_timeout_sec: int = Field(300, ge=1, le=30 * 86_400)
    push_window_ms: int = Field(50, ge=0, le=5000)
    push_buffer_events: int = Field(64, ge=1, le=10_000)

    tenant_nano_usd_per_day: types.NanoUsd | None = Field(None, alias="TENANT_USD_PER_DAY")
    rate_limit_per_minute: int = Field(60, ge=0, le=100_000)
    rate_limit_principal_per_minute: int = Field(240, ge=0, le=100_000)
    rate_limit_address_per_minute: int = Field(300, ge=0, le=1_000_000)
    allowed_hosts: types.Hosts = ()
    allow_private_addresses: bool = False
    attachment_hosts: types.Hosts = ()

    @classmethod
    def load(
        cls,
        environ: Mapping[str, str],
        *,
        secrets: Secrets | None = None,
        loopback: bool = False,
    ) -> Self:
        """The settings that these variables describe.

        Raises:
            ConfigurationError: they contradict each other, or one has no meaning.
        """
        known = {field.alias or name for name, field in cls.model_fields.items()} - {"loopback"}
        values = {
            name: _resolved(name, text.strip(), secrets)
            for name, text in _renamed(environ).items()
            if name in known and text.strip()
        }
        usual = {"AUTH_MODE": "none" if loopback else "token"}
        try:
            return cls.model_validate({**usual, **values, "loopback": loopback})
        except pydantic.ValidationError as error:
            found = faults(error)
        # Raised here, without its cause: that has the values, and some of them are secrets.
        raise ConfigurationError(" ".join(map(_sentence, found)))

    @classmethod
    def from_environment(cls, *, secrets: Secrets | None = None, loopback: bool = False) -> Self:
        """The settings of this process. Raises like `load`."""
        return cls.load(os.environ, secrets=secrets, loopback=loopback)

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if found := list(contradictions(self)):
            raise ValueError(" ".join(found))
        return self

    @property
    def on_aws(self) -> bool:
        """Whether state lives in AWS; otherwise in `workspace_base` and `database_path`."""
        return self.table_name is not None

    @property
    def database_path(self) -> Path:
        return self.database_url or self.workspace_base / ".parley" / "parley.db"

    @property
    def home_tenant(self) -> str:
        """Whose this deployment is, where no caller says it."""
        return "local" if self.auth_mode == "none" else self.service_tenant

    @property
    def backend(self) -> str | None:
        """Where somebody else's product owns agents and history; None: nowhere."""
        return None if self.backend_mode == "disabled" else self.backend_url

    @property
    def records_history(self) -> bool:
        """Whether what is said is recorded there."""
        return self.backend is not None and self.history_enabled

    def require_service_token(self) -> SecretStr:
        """The token that callers of the HTTP API bear.

        Not every function has the secrets, so `load` cannot ask for them; who needs one does.

        Raises:
            ConfigurationError: there is none.
        """
        return _required("SERVICE_TOKEN", self.service_token)

    def require_signing_secret(self) -> SecretStr:
        """The secret that signs callbacks. Raises like `require_service_token`."""
        return _required("SIGNING_SECRET", self.signing_secret)

    def require_context_secret(self) -> SecretStr:
        """The secret that signs an `authContext` and guards one-time codes: AUTH_CONTEXT_SECRET, or
        else SIGNING_SECRET. Raises like `require_service_token`."""
        return self.auth_context_secret or self.require_signing_secret()

    def summary(self) -> dict[str, str]:
        """What is configured, for people to read. It holds no secret."""
        budget = self.tenant_nano_usd_per_day
        return {
            "mode": self.mode,
            "storage": self.table_name or str(self.database_path),
            "files": self.bucket_name or str(self.workspace_base),
            "agents": self.backend or str(self.assistant_local_config_dir),
            "history": "recorded by the backend" if self.records_history else "kept here only",
            "auth": self.auth_mode,
            "model": self.anthropic_model,
            "model endpoint": self.anthropic_base_url or "https://api.anthropic.com",
            "model key": "set" if self.anthropic_api_key else "not set",
            "backlog": str(self.session_backlog),
            "budget": "none" if budget is None else f"{budget / 1e9:.2f} USD a day and tenant",
            "log level": self.log_level,
        }


def trace_of_invocation(environ: Mapping[str, str] = os.environ) -> tuple[str, str]:
    """What Lambda says while an invocation runs: where X-Ray's daemon listens, and the header of
    the invocation's trace. Each empty if there is none."""
    return environ.get("AWS_XRAY_DAEMON_ADDRESS", ""), environ.get("_X_AMZN_TRACE_ID", "")


def tool_secrets(environ: Mapping[str, str] = os.environ) -> Mapping[str, SecretStr]:
    """The variables `PARLEY_SECRET_…`. What one names in Secrets Manager is not read here: it
    may change while the process runs."""
    given = {
        name: text.strip() for name, text in environ.items() if name.startswith("PARLEY_SECRET_")
    }
    return {name: SecretStr(text) for name, text in given.items() if text}


def _required(name: str, secret: SecretStr | None) -> SecretStr:
    if secret is None:
        raise ConfigurationError(
            f"{name} is needed here. Set it to a random text of at least "
            f"{types.MIN_SECRET} characters."
        )
    return secret


def _renamed(environ: Mapping[str, str]) -> Mapping[str, str]:
    """The variables with aliases replaced by the names that they stand for."""
    old, new = environ.get("RESONNET_MODE", "").strip(), environ.get("PARLEY_MODE", "").strip()
    if old and new and old != new:
        raise ConfigurationError(
            "PARLEY_MODE and its alias RESONNET_MODE differ. Set only PARLEY_MODE."
        )
    return {**environ, "PARLEY_MODE": new or old}


def _sentence(fault: Fault) -> str:
    return f"{fault.path[0]} {fault.reason}." if fault.path else fault.reason


def _resolved(name: str, text: str, secrets: Secrets | None) -> str:
    if not text.startswith(SECRET_PREFIX):
        return text
    if secrets is None:
        raise ConfigurationError(
            f"{name} names a secret in Secrets Manager, which is not at hand here. "
            "Set the value itself."
        )
    try:
        value = secrets(text.removeprefix(SECRET_PREFIX)).strip()
    except Exception as fault:
        raise ConfigurationError(
            f"The secret that {name} names could not be read. "
            "Check that it exists and that this function may read it."
        ) from fault
    if not value:
        raise ConfigurationError(f"The secret that {name} names is empty. Give it a value.")
    return value
