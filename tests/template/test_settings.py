"""What the template tells the functions is what the settings understand."""

import re
from pathlib import Path

import pytest

from shared.errors import ConfigurationError
from shared.settings import Settings
from tests.template.variables import FUNCTIONS, PARAMETERS, TEMPLATE, declared, environment, own

CHOICES = [
    (name, value)
    for name in (
        *("AuthMode", "AuthJwtSingleUse", "ModelProvider", "Mode", "LogLevel"),
        *("BackendMode", "HistoryEnabled", "Tracing"),
    )
    for value in PARAMETERS[name]["AllowedValues"]
]
SECRET = "s" * 48
# Read by the logger, not by us.
FOREIGN = {"POWERTOOLS_SERVICE_NAME"}
CHECK_TOKENS = {"WsConnect", "SendMessage", "Executor"}
PRIVATE = (
    *("127.0.0.1:8001", "localhost", "product:80/x", "a.b.internal", "a.local", "10.0.0.9"),
    *("192.168.1.2", "172.16.0.1", "172.31.255.1:1/a"),
)
PUBLIC = (
    *("product.example.com", "8.8.8.8", "172.15.0.1", "172.32.0.1", "192.169.0.1", "10.1.2"),
    *("127.0.0.1.example.com", "internal.example.com", "a.internal.example", "100.64.0.1"),
)
KEY = "-----BEGIN PUBLIC KEY-----\nMFkwEwYH+/0=\n-----END PUBLIC KEY-----"
URL = "https://login.example.com/keys"
BACKEND = "https://product.example.com"
SPECIAL = {
    "AuthJwksUrl": "auth_jwks_url",
    "AuthJwtPublicKey": "auth_jwt_public_key",
    "AuthJwtSecret": "auth_jwt_secret",
    "AuthJwtIssuer": "auth_jwt_issuer",
    "AuthJwtAudience": "auth_jwt_audience",
    "AuthJwtTenant": "auth_jwt_tenant",
    "AllowedHosts": "allowed_hosts",
    "AttachmentHosts": "attachment_hosts",
    "ModelRatePerMinute": "model_rate_per_minute",
    "RetentionDays": "retention_days",
    "TenantUsdPerDay": "tenant_nano_usd_per_day",
    "OtpSender": "otp_sender",
    "BackendUrl": "backend_url",
    "BackendToken": "backend_token",
}
"""Parameters with a pattern, and the settings that they are for."""
BESIDE = {
    "AuthJwksUrl": {"AuthJwtIssuer": "someone"},
    "BackendUrl": {"BackendToken": "given"},
    "BackendToken": {"BackendUrl": BACKEND},
}
"""What some of them need, or what makes more of them."""
MADE = {"AuthJwtSecret": "JwtSecret.Id", "BackendToken": "BackendTokenSecret.Id"}
"""The secrets that some of them become."""


def load(function: str, **chosen: str) -> Settings:
    return Settings.load(environment(function, None, **chosen), secrets=lambda _arn: SECRET)


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_every_variable_is_known(function: str) -> None:
    known = {field.alias or name.upper() for name, field in Settings.model_fields.items()}
    assert set(environment(function)) - known <= FOREIGN


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
@pytest.mark.parametrize(("parameter", "value"), CHOICES)
def test_every_offered_value_is_accepted(function: str, parameter: str, value: str) -> None:
    settings = load(function, AnthropicApiKey="given", BackendUrl=BACKEND, **{parameter: value})
    assert settings.table_name == "Table"
    assert settings.auth_mode == (value if parameter == "AuthMode" else "token")


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_what_is_set_for_models_arrives(function: str) -> None:
    settings = load(
        function,
        TitleModel="claude-haiku-4-5",
        SummaryModel="small",
        JudgeModel="judge",
        ModelRatePerMinute="999999",
    )
    assert (settings.title_model, settings.model_rate_per_minute) == ("claude-haiku-4-5", 999_999)
    assert (settings.judge_model, settings.summary_model) == ("judge", "small")

    spending = load(function, TenantUsdPerDay="0.50", ModelPrices="agents/prices.json")
    assert spending.tenant_nano_usd_per_day == 500_000_000
    assert spending.model_prices == Path("agents/prices.json")

    unset = load(function)
    assert (unset.title_model, unset.model_rate_per_minute) == (None, None)
    assert (unset.tenant_nano_usd_per_day, unset.model_prices) == (None, None)
    assert (unset.judge_model, unset.summary_model) == (None, None)


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_what_is_set_about_callers_arrives(function: str) -> None:
    settings = load(
        function,
        AuthMode="jwt",
        AuthJwksUrl=URL,
        AuthJwtIssuer="https://login.example.com/",
        AuthJwtAudience="parley, chat",
        AuthJwtTenant="acme",
        AuthJwtSingleUse="true",
        AuthGraceSec="0",
        RateLimitPerMinute="1",
        RateLimitPrincipalPerMinute="2",
        RateLimitAddressPerMinute="3",
        AllowedHosts="api.example.com, *.example.org",
    )
    assert settings.auth_mode == "jwt"
    assert settings.auth_grace_sec == 0
    assert settings.rate_limit_per_minute == 1
    assert settings.rate_limit_principal_per_minute == 2
    assert settings.rate_limit_address_per_minute == 3
    assert settings.allowed_hosts == ("api.example.com", "*.example.org")
    tokens = (
        settings.auth_jwks_url,
        settings.auth_jwt_issuer,
        settings.auth_jwt_audience,
        settings.auth_jwt_tenant,
        settings.auth_jwt_single_use,
    )
    told = (URL, "https://login.example.com/", ("parley", "chat"), "acme", True)
    assert tokens == (told if function in CHECK_TOKENS else (None, None, (), None, False))


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_who_checks_tokens_has_what_it_takes(function: str) -> None:
    named = {name for name in declared(function) if name.startswith(("AUTH_JWT", "AUTH_JWKS"))}
    assert bool(named) is (function in CHECK_TOKENS)
    for parameter, value in {"AuthJwtPublicKey": KEY, "AuthJwtSecret": SECRET}.items():
        settings = load(function, AuthMode="jwt", **{parameter: value})
        held = getattr(settings, SPECIAL[parameter])
        assert (held is not None) is (function in CHECK_TOKENS)


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_only_the_worker_is_told_how_long_people_are_waited_for(function: str) -> None:
    settings = load(function, ApprovalTimeoutSec="86400", OtpTtlSec="900")
    told = (settings.approval_timeout_sec, settings.otp_ttl_sec)
    assert told == ((86_400, 900) if function == "Worker" else (300, 300))


def test_who_reads_frames_or_sends_codes_has_the_secret_of_contexts() -> None:
    having = {name for name in FUNCTIONS if "AUTH_CONTEXT_SECRET" in own(name)}
    assert having == {"SendMessage", "Worker"}
    context = load("SendMessage").auth_context_secret
    assert context is not None
    assert context.get_secret_value() == SECRET


@pytest.mark.parametrize(
    ("parameter", "setting"),
    [
        ("AuthGraceSec", "auth_grace_sec"),
        ("RateLimitPerMinute", "rate_limit_per_minute"),
        ("RateLimitPrincipalPerMinute", "rate_limit_principal_per_minute"),
        ("RateLimitAddressPerMinute", "rate_limit_address_per_minute"),
        ("ApprovalTimeoutSec", "approval_timeout_sec"),
        ("OtpTtlSec", "otp_ttl_sec"),
    ],
)
def test_a_number_has_the_default_and_the_bounds_of_its_setting(
    parameter: str, setting: str
) -> None:
    declared = PARAMETERS[parameter]
    assert getattr(load("Worker"), setting) == Settings.model_fields[setting].default
    for bound in (declared["MinValue"], declared["MaxValue"]):
        assert getattr(load("Worker", **{parameter: str(bound)}), setting) == bound
    for beyond in (declared["MinValue"] - 1, declared["MaxValue"] + 1):
        with pytest.raises(ConfigurationError):
            load("Worker", **{parameter: str(beyond)})


@pytest.mark.parametrize(
    ("parameter", "text", "accepted"),
    [
        *[("RetentionDays", text, True) for text in ("", "1", "9999")],
        *[("RetentionDays", text, False) for text in ("0", "10000", "1.5", "-1", "week")],
        *[("ModelRatePerMinute", text, True) for text in ("", "1", "999999")],
        *[("ModelRatePerMinute", text, False) for text in ("0", "1000000", "1.5", "-1", "ten")],
        ("ModelRatePerMinute", "01", False),
        *[("TenantUsdPerDay", text, True) for text in ("", "25", "0.50", "999999.999999")],
        *[("TenantUsdPerDay", text, False) for text in ("0", "0.00", "-1", "five", "$5", "0,5")],
        *[("AuthJwksUrl", text, True) for text in ("", URL, "https://127.0.0.1:8443/a/b.json")],
        *[("AuthJwksUrl", text, False) for text in ("http://a.example", "https://", URL + "?a=b")],
        *[("AuthJwksUrl", text, False) for text in ("https://a:b@c.example/", URL + " ", "ftp:/")],
        *[("AuthJwtPublicKey", text, True) for text in ("", KEY, KEY + "\n")],
        ("AuthJwtPublicKey", KEY.replace("\n", "\\n"), True),
        ("AuthJwtPublicKey", KEY.replace("PUBLIC", "RSA PUBLIC"), True),
        ("AuthJwtPublicKey", KEY.replace("PUBLIC", "PRIVATE"), False),
        ("AuthJwtPublicKey", KEY.replace("PUBLIC KEY", "CERTIFICATE"), False),
        ("AuthJwtPublicKey", "MFkwEwYH", False),
        *[("AuthJwtSecret", text, True) for text in ("", "s" * 32, "$" * 1024)],
        *[("AuthJwtSecret", text, False) for text in ("s" * 31, "s" * 1025, " " * 40, "ä" * 40)],
        *[("AuthJwtIssuer", text, True) for text in ("", "https://login.example.com/", "us")],
        *[("AuthJwtIssuer", text, False) for text in (" ", "a b", "\n")],
        *[("AuthJwtAudience", text, True) for text in ("", "a", "https://a.example/, b", "a,b")],
        *[("AuthJwtAudience", text, False) for text in (",", "a,", "a,,b", "a b", "a" * 129)],
        *[("OtpSender", text, True) for text in ("", "no-reply@example.com", "A.b+c@X-1.example")],
        *[("OtpSender", text, False) for text in ("a", "a@b", "A <a@b.example>", "a@b.example,")],
        *[("OtpSender", text, False) for text in ("a b@c.example", "${a}@b.example", "a@b.c\n")],
        *[("AuthJwtTenant", text, True) for text in ("", "acme", "a#b")],
        *[("AuthJwtTenant", text, False) for text in (" ", "a b")],
        *[("AllowedHosts", text, True) for text in ("", "a.example", "*.b.example, A_1", "a,b")],
        *[("AllowedHosts", text, False) for text in ("*", "a.", "a b", "https://a", "a,", "*.*.a")],
        *[("AttachmentHosts", text, True) for text in ("", "a.example", "*.b.example, A_1", "a,b")],
        *[("AttachmentHosts", text, False) for text in ("*", "a.", "a b", "https://a", "*.*.a")],
        *[
            ("BackendUrl", text, True)
            for text in ("", BACKEND, "https://a:8443/x/", "https://a/%20")
        ],
        *[("BackendUrl", f"http://{host}", True) for host in PRIVATE],
        *[("BackendUrl", f"http://{host}", False) for host in PUBLIC],
        *[
            ("BackendUrl", text, False)
            for text in ("ftp://a", "https://", "https://a.", "a.example")
        ],
        *[
            ("BackendUrl", text, False)
            for text in (BACKEND + "?a=b", BACKEND + "/#a", BACKEND + " ")
        ],
        *[
            ("BackendUrl", text, False)
            for text in ("https://a:b@c.example", "https://a:0", "https://ä")
        ],
        *[("BackendToken", text, True) for text in ("", "t", "$" * 1024)],
        *[("BackendToken", text, False) for text in ("a b", "t" * 1025, "ä", "t\n")],
    ],
)
def test_a_text_is_one_that_the_setting_takes(parameter: str, text: str, accepted: bool) -> None:
    """What a pattern lets through must not stop the functions at their start."""
    declared = PARAMETERS[parameter]
    # CloudFormation asks that the whole text matches.
    matched = bool(re.fullmatch(declared["AllowedPattern"], text))
    assert matched is accepted
    assert len(text) <= declared.get("MaxLength", 4096) or not accepted
    if accepted:
        beside = BESIDE.get(parameter, {}) if text else {}
        function = "Worker" if parameter in ("OtpSender", "AttachmentHosts") else "Executor"
        variables = environment(function, None, **{**beside, parameter: text})
        settings = Settings.load(
            variables, secrets=lambda arn: text if arn == MADE.get(parameter) else SECRET
        )
        assert getattr(settings, SPECIAL[parameter]) or not text


def test_every_pattern_is_tried() -> None:
    patterns = {name for name, each in PARAMETERS.items() if "AllowedPattern" in each}
    assert patterns == set(SPECIAL)


def test_bedrock_needs_no_key() -> None:
    [rule] = TEMPLATE["Rules"]["SomebodyAnswers"]["Assertions"]
    assert {"Fn::Equals": [{"Ref": "ModelProvider"}, "bedrock"]} in rule["Assert"]["Fn::Or"]
    assert environment("Worker", ModelProvider="bedrock")["ANTHROPIC_API_KEY"] == ""


def test_the_emulator_has_its_own_address_of_the_connections() -> None:
    base = "http://127.0.0.1:4566/_aws/execute-api"
    variables = environment("Worker", ConnectionsEndpointOverride=base)
    assert variables["CONNECTIONS_URL"] == f"{base}/WebSocketApi/prod"
