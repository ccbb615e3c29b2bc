"""The Model contract on Amazon Bedrock's wire, and what only Bedrock says."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from shared.errors import ConfigurationError
from shared.models.bedrock import BedrockModel
from tests.contracts.model_contract import ModelContract
from tests.contracts.model_failures import assert_final, assert_passing
from tests.contracts.model_service import SECRET, Service
from tests.models.asking import ask, end_of, failure_of, question, text_in
from tests.support.bedrock_api import BedrockDialect, exception, failure, frame
from tests.support.clock import FakeClock
from tests.support.messages_api import ScriptedMessagesApi, Step

MODEL = "us.anthropic.claude-sonnet-5-20260101-v1:0"
TOO_LONG = "Input is too long for requested model."
UNKNOWN = "The provided model identifier is invalid."
NOT_SO = "Invocation of model ID x with on-demand throughput isn\u2019t supported."


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of this machine's, and nobody is asked for any."""
    for name in ("AWS_PROFILE", "AWS_BEARER_TOKEN_BEDROCK", "AWS_SESSION_TOKEN", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))


@pytest.fixture
def service() -> Service:
    return Service(
        dialect=BedrockDialect,
        adapter=partial(BedrockModel, region="eu-central-1"),
        model=MODEL,
        invalid="ValidationException",
    )


class TestBedrock(ModelContract):
    pass


@pytest.mark.parametrize(
    ("status", "kind", "said", "code"),
    [
        (400, "ValidationException", SECRET, "MODEL_REFUSED"),
        (400, "ValidationException", TOO_LONG, "CONTEXT_TOO_LONG"),
        (400, "ValidationException", UNKNOWN, "LLM_UNAVAILABLE"),
        (400, "ValidationException", NOT_SO, "LLM_UNAVAILABLE"),
        (403, "AccessDeniedException", SECRET, "LLM_UNAVAILABLE"),
        (403, "UnrecognizedClientException", SECRET, "LLM_UNAVAILABLE"),
        (403, "ExpiredTokenException", SECRET, "LLM_UNAVAILABLE"),
        (404, "ResourceNotFoundException", SECRET, "LLM_UNAVAILABLE"),
    ],
)
def test_final_refusals(service: Service, status: int, kind: str, said: str, code: str) -> None:
    assert_final(service, status, kind, said, code)


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, "ServiceQuotaExceededException", "RATE_LIMITED"),
        (408, "ModelTimeoutException", "LLM_UNAVAILABLE"),
        (424, "ModelErrorException", "MODEL_OVERLOADED"),
        (429, "ThrottlingException", "RATE_LIMITED"),
        (429, "ModelNotReadyException", "MODEL_OVERLOADED"),
        (500, "InternalServerException", "MODEL_OVERLOADED"),
        (503, "ServiceUnavailableException", "MODEL_OVERLOADED"),
    ],
)
def test_passing_refusals(service: Service, status: int, kind: str, code: str) -> None:
    assert_passing(service, status, kind, code)


@pytest.mark.parametrize(
    ("broken", "code", "retryable"),
    [
        (exception("throttlingException", SECRET), "RATE_LIMITED", True),
        (exception("modelStreamErrorException", SECRET), "MODEL_OVERLOADED", True),
        (exception("modelTimeoutException", SECRET), "LLM_UNAVAILABLE", True),
        (exception("internalServerException", SECRET), "MODEL_OVERLOADED", True),
        (exception("serviceUnavailableException", SECRET), "MODEL_OVERLOADED", True),
        (exception("validationException", SECRET), "MODEL_REFUSED", False),
        (exception("validationException", TOO_LONG), "CONTEXT_TOO_LONG", False),
        (failure("InternalError", SECRET), "MODEL_OVERLOADED", True),
        (frame({":message-type": "exception"}, b"[]"), "MODEL_OVERLOADED", True),
        (b"\0" * 16, "LLM_UNAVAILABLE", True),
        (frame({":message-type": "event", ":event-type": "chunk"}, b"{"), "LLM_UNAVAILABLE", True),
        (
            frame({":message-type": "event", ":event-type": "chunk"}, b'{"bytes": "%"}'),
            "LLM_UNAVAILABLE",
            True,
        ),
    ],
)
def test_failures_in_the_middle(broken: bytes, code: str, retryable: bool) -> None:
    with (
        served(lambda event: broken if event["type"] == "content_block_stop" else None) as api,
        model_at(api) as model,
    ):
        seen, error = failure_of(ask(model))
    assert text_in(seen) == "Yes"
    assert (error.error_code, error.is_retryable) == (code, retryable)
    assert SECRET not in error.message
    assert error.usage.input_tokens == 10


@pytest.mark.parametrize("place", [9, -1], ids=["lengths", "whole"])
def test_a_frame_whose_checksum_is_wrong_is_never_taken_for_an_answer(place: int) -> None:
    def spoilt(event: Mapping[str, Any]) -> bytes | None:
        if event["type"] != "content_block_delta":
            return None
        frame = bytearray(BedrockDialect().event(event))
        frame[place] ^= 1
        return bytes(frame)

    with served(spoilt) as api, model_at(api, max_retries=0) as model:
        seen, error = failure_of(ask(model))
    assert seen == []
    assert error.error_code == "LLM_UNAVAILABLE"


def test_frames_of_other_kinds_are_passed_over() -> None:
    other = frame({":message-type": "event", ":event-type": "initial-response"}, b"{}")

    def preceded(event: Mapping[str, Any]) -> bytes:
        return other + BedrockDialect().event(event)

    with served(preceded) as api, model_at(api) as model:
        assert text_in(list(ask(model))) == "Yes"


def test_requests_are_signed_for_the_region_and_carry_nothing_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, service: Service
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "from-environment")
    monkeypatch.setenv("ANTHROPIC_BEDROCK_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "X-Leak: from-environment")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with service.server([Step(tokens=["Yes"])]) as api, service.model_at(api.base_url) as model:
        end_of(list(ask(model, question(model=MODEL))))
        (headers,) = api.headers
    assert "from-environment" not in str(headers)
    assert "x-leak" not in headers["authorization"]
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=test-key/")
    assert "/eu-central-1/bedrock/aws4_request" in headers["authorization"]


def test_without_credentials_it_says_so(monkeypatch: pytest.MonkeyPatch, service: Service) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    # The SDK keeps what it found for a region; nobody else asks this one.
    with (
        service.server() as api,
        service.model_at(api.base_url, region="sa-east-1") as model,
    ):
        _, error = failure_of(ask(model))
        assert api.requests == []
    assert (error.error_code, error.is_retryable) == ("LLM_UNAVAILABLE", False)
    assert "credentials" in error.message


@pytest.mark.parametrize(
    ("process", "region", "retries"), [("false", "sa-west-1", 3), ("/none/such", "sa-west-2", 0)]
)
def test_credentials_that_a_process_does_not_give(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    service: Service,
    process: str,
    region: str,
    retries: int,
) -> None:
    config = tmp_path / "config"
    config.write_text(f"[default]\ncredential_process = {process}\n", "utf-8")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    clock = FakeClock()
    with (
        service.server() as api,
        service.model_at(api.base_url, clock, region=region) as model,
    ):
        _, error = failure_of(ask(model))
    assert (error.error_code, error.is_retryable) == ("LLM_UNAVAILABLE", retries > 0)
    assert len(clock.sleeps) == retries


def test_the_region_is_the_usual_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    with pytest.raises(ConfigurationError, match="AWS_DEFAULT_REGION"):
        BedrockModel(clock=FakeClock())
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with ScriptedMessagesApi([Step(tokens=["Yes"])], dialect=BedrockDialect()) as api:
        model = BedrockModel(clock=FakeClock(), base_url=api.base_url)
        list(ask(model))
        model.close()
        assert "/eu-west-1/bedrock/" in api.headers[0]["authorization"]


def test_importing_the_adapter_does_not_import_the_sdk() -> None:
    code = (
        "import sys, shared.models.bedrock\n"
        "print([n for n in ('anthropic', 'boto3', 'botocore', 'httpx2') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


Instead = Callable[[Mapping[str, Any]], bytes | None]


def served(instead: Instead) -> ScriptedMessagesApi:
    """A server that says "Yes", with other bytes in the place of some events."""

    class Spoilt(BedrockDialect):
        def event(self, event: Mapping[str, Any]) -> bytes:
            return instead(event) or super().event(event)

    return ScriptedMessagesApi([Step(tokens=["Yes"])], dialect=Spoilt())


def model_at(api: ScriptedMessagesApi, **options: Any) -> Any:
    service = Service(
        dialect=BedrockDialect,
        adapter=partial(BedrockModel, region="eu-central-1"),
        model=MODEL,
        invalid="ValidationException",
    )
    return service.model_at(api.base_url, **options)
