"""The settings: what is read, what stops the start, and that no secret gets out."""

import pickle
from pathlib import Path

import pytest

from shared.errors import ConfigurationError
from shared.settings import Settings

AWS = {
    "TABLE_NAME": "parley-table",
    "BUCKET_NAME": "parley-bucket",
    "QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/1/parley",
    "CONNECTIONS_URL": "https://abc.execute-api.eu-central-1.amazonaws.com/prod",
}
PUBLIC_KEY = "-----BEGIN PUBLIC KEY-----\\nMIIB\\n-----END PUBLIC KEY-----"
PRIVATE_KEY = "-----BEGIN PRIVATE KEY-----"
TOKEN = "a-very-secret-service-token"


def local(**environ: str) -> Settings:
    return Settings.load(environ, loopback=True)


def refusal(**environ: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        local(**environ)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return caught.value.message


def test_the_defaults_of_a_laptop() -> None:
    settings = local()
    assert (settings.mode, settings.port, settings.log_level) == ("executor", 8787, "INFO")
    assert settings.auth_mode == "none"
    assert not settings.on_aws
    assert settings.database_path == Path("workspace/.parley/parley.db")
    assert settings.assistant_local_config_dir == Path("agents")
    assert settings.anthropic_model == "claude-sonnet-5"
    assert (settings.model_max_retries, settings.model_base_backoff_sec) == (3, 0.5)
    assert settings.model_max_backoff_sec == 8
    assert (settings.lease_sec, settings.heartbeat_sec, settings.worker_max_sec) == (30, 10, None)
    assert (settings.session_backlog, settings.rate_limit_per_minute) == (32, 60)
    assert (settings.push_window_ms, settings.push_buffer_events) == (50, 64)
    assert settings.tenant_nano_usd_per_day is None
    assert (settings.allowed_hosts, settings.cors_origins) == ((), ())
    assert (settings.history_token_budget, settings.turn_seconds) == (100_000, 600)
    assert settings.service_tenant == "default"
    assert (settings.otp_sender, settings.otp_ttl_sec) == (None, 300)


def test_a_deployment_defaults_to_tokens() -> None:
    settings = Settings.load({**AWS, "SERVICE_TOKEN": TOKEN})
    assert (settings.auth_mode, settings.on_aws) == ("token", True)
    assert settings.require_service_token().get_secret_value() == TOKEN


def test_a_function_without_the_token_starts_and_cannot_ask_for_it() -> None:
    settings = Settings.load(AWS)
    with pytest.raises(ConfigurationError, match="SERVICE_TOKEN is needed here"):
        settings.require_service_token()
    with pytest.raises(ConfigurationError, match="SIGNING_SECRET is needed here"):
        settings.require_signing_secret()


def test_a_function_with_its_secret_gets_it() -> None:
    settings = Settings.load({"SIGNING_SECRET": TOKEN})
    assert settings.require_signing_secret().get_secret_value() == TOKEN


def test_every_kind_of_value() -> None:
    settings = local(
        PARLEY_MODE="standalone",
        WORKSPACE_BASE="/srv/parley",
        DATABASE_URL="sqlite:////srv/parley.db",
        PORT=" 9000 ",
        SERVICE_TENANT="acme",
        ANTHROPIC_BASE_URL="http://127.0.0.1:9999",
        HEARTBEAT_SEC="2.5",
        LEASE_SEC="6",
        SESSION_BACKLOG="0",
        TENANT_USD_PER_DAY="12.345678901",
        ALLOWED_HOSTS="API.example.com, *.example.org,",
        CORS_ORIGINS="https://shop.example.com, http://localhost:3000",
        LOG_LEVEL="DEBUG",
    )
    assert settings.mode == "standalone"
    assert settings.database_path == Path("/srv/parley.db")
    assert settings.port == 9000
    assert settings.heartbeat_sec == 2.5
    assert settings.session_backlog == 0
    assert settings.tenant_nano_usd_per_day == 12_345_678_901
    assert settings.allowed_hosts == ("api.example.com", "*.example.org")
    assert settings.cors_origins == ("https://shop.example.com", "http://localhost:3000")


def test_how_tokens_are_checked() -> None:
    settings = local(
        AUTH_MODE="jwt",
        AUTH_JWT_PUBLIC_KEY=PUBLIC_KEY,
        AUTH_JWT_ISSUER="https://id.example.com/",
        AUTH_JWT_AUDIENCE="parley, https://api.example.com",
        AUTH_JWT_TENANT="acme",
        AUTH_JWT_SINGLE_USE="true",
        AUTH_GRACE_SEC="0",
    )
    assert settings.auth_jwt_public_key == PUBLIC_KEY.replace("\\n", "\n")
    assert settings.auth_jwt_issuer == "https://id.example.com/"
    assert settings.auth_jwt_audience == ("parley", "https://api.example.com")
    assert (settings.auth_jwt_tenant, settings.auth_jwt_single_use) == ("acme", True)
    assert (settings.auth_jwt_leeway_sec, settings.auth_grace_sec) == (30, 0)


def test_a_function_on_aws_may_have_no_keys() -> None:
    assert Settings.load({**AWS, "AUTH_MODE": "jwt"}).auth_mode == "jwt"


def test_keys_may_come_from_this_machine_over_http() -> None:
    url = "http://127.0.0.1:9000/keys"
    assert local(AUTH_JWKS_URL=url, AUTH_JWT_ISSUER="me").auth_jwks_url == url


def test_who_signs_contexts() -> None:
    other = "another-long-secret"
    both = local(SIGNING_SECRET=TOKEN, AUTH_CONTEXT_SECRET=other)
    assert both.require_context_secret().get_secret_value() == other
    assert local(SIGNING_SECRET=TOKEN).require_context_secret().get_secret_value() == TOKEN
    with pytest.raises(ConfigurationError, match="SIGNING_SECRET is needed here"):
        local().require_context_secret()


@pytest.mark.parametrize("sender", ["no-reply@example.com", "No.Reply+codes_1@Mail.Example-1.com"])
def test_who_sends_codes_and_how_long_they_are_good(sender: str) -> None:
    settings = local(OTP_SENDER=sender, OTP_TTL_SEC="60")
    assert (settings.otp_sender, settings.otp_ttl_sec) == (sender, 60)
    assert local(OTP_TTL_SEC="3600").otp_ttl_sec == 3600


def test_relative_databases() -> None:
    assert local(DATABASE_URL="sqlite:///data/p.db").database_path == Path("data/p.db")


def test_the_alias_of_the_mode() -> None:
    assert local(RESONNET_MODE="standalone").mode == "standalone"
    assert local(RESONNET_MODE="standalone", PARLEY_MODE="standalone").mode == "standalone"
    assert "Set only PARLEY_MODE" in refusal(RESONNET_MODE="standalone", PARLEY_MODE="executor")


def test_what_is_unknown_or_empty_is_not_there() -> None:
    assert local(PORT="", AUTH_MODE=" ", PATH="/bin", LOOPBACK="false", loopback="false") == local()


def test_the_environment_is_one_of_the_mappings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "1234")
    assert Settings.from_environment(loopback=True).port == 1234


@pytest.mark.parametrize("missing", AWS)
def test_all_of_aws_or_nothing(missing: str) -> None:
    message = refusal(**{name: value for name, value in AWS.items() if name != missing})
    assert message.startswith(f"Set {missing} too: ")


def test_every_missing_name_is_said() -> None:
    assert refusal(TABLE_NAME="t").startswith("Set BUCKET_NAME, QUEUE_URL, CONNECTIONS_URL too: ")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PARLEY_MODE", "both", "must be 'executor' or 'standalone'"),
        ("LOG_LEVEL", "LOUD", "must be 'DEBUG'"),
        ("PORT", "http", "must be a whole number"),
        ("DATABASE_URL", "postgres://db/parley", "must be sqlite:/// and a path"),
        ("DATABASE_URL", "sqlite:///:memory:", "must be sqlite:/// and a path"),
        ("CONNECTIONS_URL", "wss://x/prod", "must be an address"),
        ("ANTHROPIC_BASE_URL", "https://", "must be an address"),
        ("ANTHROPIC_BASE_URL", "https://x:port", "must be an address"),
        ("ANTHROPIC_BASE_URL", "https://user:key@x", "without user name and query"),
        ("ANTHROPIC_BASE_URL", "https://x?key=k", "without user name and query"),
        ("AUTH_ALLOW_PUBLIC", "perhaps", "must be true or false"),
        ("SERVICE_TOKEN", "short", "must have at least 16 characters"),
        ("SIGNING_SECRET", "short", "must have at least 16 characters"),
        ("AUTH_JWT_SECRET", "s" * 31, "must have at least 32 characters"),
        ("AUTH_JWT_PUBLIC_KEY", "s" * 32, "must be a public key in PEM"),
        ("AUTH_JWT_PUBLIC_KEY", PRIVATE_KEY, "must be a public key in PEM"),
        ("AUTH_JWKS_URL", "id.example.com/keys", "must be an address"),
        ("AUTH_GRACE_SEC", "-1", "must be at least 0"),
        ("OTP_SENDER", "example.com", "must be an email address"),
        ("OTP_SENDER", "no-reply@localhost", "must be an email address"),
        ("OTP_SENDER", "Parley <no-reply@example.com>", "must be an email address"),
        ("OTP_SENDER", "a@example.com, b@example.com", "must be an email address"),
        ("OTP_SENDER", f"a@{'x.' * 125}com", "must be an email address"),
        ("OTP_TTL_SEC", "59", "must be at least 60"),
        ("OTP_TTL_SEC", "3601", "must be at most 3600"),
        ("OTP_TTL_SEC", "90.5", "must be a whole number"),
        ("SERVICE_TENANT", "x" * 129, "may have at most 128 characters"),
        ("SERVICE_TENANT", "a\tb", "must be printable text"),
        ("CORS_ORIGINS", "shop.example.com", "must be origins such as"),
        ("ALLOWED_HOSTS", "https://example.com", "must be host names"),
        ("MODEL_MAX_RETRIES", "-1", "must be at least 0"),
        ("MODEL_MAX_BACKOFF_SEC", "nan", "must be a finite number"),
        ("TURN_SECONDS", "0", "must be more than 0"),
        ("SESSION_BACKLOG", "201", "must be at most 200"),
        ("TENANT_USD_PER_DAY", "0", "must be an amount of dollars"),
        ("TENANT_USD_PER_DAY", "NaN", "must be an amount of dollars"),
        ("TENANT_USD_PER_DAY", "much", "must be an amount of dollars"),
        ("HISTORY_TOKEN_BUDGET", "10", "must be at least 1000"),
    ],
)
def test_values_without_a_meaning(name: str, value: str, said: str) -> None:
    message = refusal(**{name: value})
    assert message.startswith(f"{name} ")
    assert said in message
    assert message.endswith(".")


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"HEARTBEAT_SEC": "15"}, "HEARTBEAT_SEC must be less than half of LEASE_SEC"),
        ({"MODEL_BASE_BACKOFF_SEC": "9"}, "Raise the latter"),
        ({**AWS, "DATABASE_URL": "sqlite:///x"}, "Keep one: SQLite or DynamoDB"),
        ({"BACKEND_MODE": "http"}, "BACKEND_MODE=http needs BACKEND_URL"),
        ({"BACKEND_TOKEN": "abc"}, "BACKEND_TOKEN needs BACKEND_URL"),
        ({"BACKEND_URL": "http://x.org"}, "BACKEND_URL must begin with https://"),
        (
            {"BACKEND_URL": "http://x.org", "BACKEND_TOKEN": "abc"},
            "BACKEND_URL must begin with https://",
        ),
        ({"AUTH_MODE": "jwt"}, "AUTH_MODE=jwt needs one of AUTH_JWT_SECRET, AUTH_JWT_PUBLIC_KEY"),
        (
            {"AUTH_JWT_SECRET": "s" * 32, "AUTH_JWT_PUBLIC_KEY": PUBLIC_KEY},
            "AUTH_JWT_SECRET and AUTH_JWT_PUBLIC_KEY are set. Keep one of them",
        ),
        (
            {"AUTH_JWKS_URL": "http://id.example.com/keys", "AUTH_JWT_ISSUER": "me"},
            "AUTH_JWKS_URL must begin with https://",
        ),
        (
            {"AUTH_JWKS_URL": "https://id.example.com/keys"},
            "AUTH_JWKS_URL needs AUTH_JWT_ISSUER or AUTH_JWT_AUDIENCE",
        ),
        ({"MODEL_PROVIDER": "bedrock"}, "MODEL_PROVIDER=bedrock needs ANTHROPIC_MODEL"),
    ],
)
def test_contradictions(environ: dict[str, str], said: str) -> None:
    assert said in refusal(**environ)


def test_everything_that_is_wrong_is_said_at_once() -> None:
    message = refusal(PORT="x", LEASE_SEC="y")
    assert "PORT must be" in message
    assert "LEASE_SEC must be" in message


def test_nobody_serves_everybody_by_accident() -> None:
    with pytest.raises(ConfigurationError, match="AUTH_MODE=none lets everybody in"):
        Settings.load({"AUTH_MODE": "none"})
    assert Settings.load({"AUTH_MODE": "none", "AUTH_ALLOW_PUBLIC": "true"}).auth_mode == "none"
    assert local(AUTH_MODE="token").auth_mode == "token"


# -- secrets ----------------------------------------------------------------------------------


def test_secrets_are_fetched_by_their_names() -> None:
    asked: list[str] = []

    def secrets(arn: str) -> str:
        asked.append(arn)
        return f"{TOKEN}\n"

    settings = Settings.load(
        {"SERVICE_TOKEN": "secretsmanager:arn:aws:1", "OTHER": "secretsmanager:arn:aws:2"},
        secrets=secrets,
    )
    assert asked == ["arn:aws:1"]
    assert settings.require_service_token().get_secret_value() == TOKEN


def test_secrets_that_cannot_be_fetched() -> None:
    def broken(arn: str) -> str:
        raise RuntimeError("denied")

    environ = {"SIGNING_SECRET": "secretsmanager:arn"}
    with pytest.raises(ConfigurationError, match="SIGNING_SECRET names could not be read"):
        Settings.load(environ, secrets=broken)
    with pytest.raises(ConfigurationError, match="SIGNING_SECRET names is empty"):
        Settings.load(environ, secrets=lambda arn: " ")
    with pytest.raises(ConfigurationError, match="is not at hand here"):
        Settings.load(environ)


def test_no_secret_is_shown() -> None:
    settings = local(
        SERVICE_TOKEN=TOKEN,
        SIGNING_SECRET=TOKEN,
        ANTHROPIC_API_KEY=TOKEN,
    )
    assert settings.summary()["model key"] == "set"
    for shown in (str(settings.summary()), repr(settings), str(settings)):
        assert TOKEN not in shown
    assert TOKEN not in settings.model_dump_json()


def test_a_bad_secret_is_not_shown_either() -> None:
    assert "hunter2" not in refusal(SERVICE_TOKEN="hunter2", SIGNING_SECRET="hunter2")


def test_the_summary_is_text() -> None:
    summary = local(TENANT_USD_PER_DAY="12.5").summary()
    assert summary["budget"] == "12.50 USD a day and tenant"
    assert all(isinstance(value, str) for value in summary.values())
    assert Settings.load(AWS).summary()["storage"] == "parley-table"


def test_settings_are_frozen() -> None:
    settings = local()
    with pytest.raises(Exception, match="frozen"):
        settings.port = 1  # type: ignore[misc]  # wrong on purpose
    assert pickle.loads(pickle.dumps(settings)) == settings
