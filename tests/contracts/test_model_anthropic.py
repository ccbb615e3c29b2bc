"""The Model contract on Anthropic's Messages API."""

import pytest

from shared.models.anthropic_api import AnthropicModel
from tests.contracts.model_contract import ModelContract
from tests.contracts.model_failures import assert_final, assert_passing
from tests.contracts.model_service import SECRET, Service
from tests.support.messages_api_wire import MessagesDialect

TOO_LONG = "prompt is too long: 210000 tokens > 200000 maximum"


@pytest.fixture
def service() -> Service:
    return Service(
        dialect=MessagesDialect,
        adapter=AnthropicModel,
        model="claude-sonnet-5",
        invalid="invalid_request_error",
    )


class TestAnthropic(ModelContract):
    pass


@pytest.mark.parametrize(
    ("status", "kind", "said", "code"),
    [
        (400, "invalid_request_error", SECRET, "MODEL_REFUSED"),
        (400, "invalid_request_error", TOO_LONG, "CONTEXT_TOO_LONG"),
        (401, "authentication_error", SECRET, "LLM_UNAVAILABLE"),
        (402, "billing_error", SECRET, "LLM_UNAVAILABLE"),
        (403, "permission_error", SECRET, "LLM_UNAVAILABLE"),
        (404, "not_found_error", SECRET, "LLM_UNAVAILABLE"),
        (413, "request_too_large", SECRET, "MODEL_REFUSED"),
        (422, "invalid_request_error", SECRET, "MODEL_REFUSED"),
    ],
)
def test_final_refusals(service: Service, status: int, kind: str, said: str, code: str) -> None:
    assert_final(service, status, kind, said, code)


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (408, "timeout_error", "LLM_UNAVAILABLE"),
        (429, "rate_limit_error", "RATE_LIMITED"),
        (500, "api_error", "MODEL_OVERLOADED"),
        (502, "", "MODEL_OVERLOADED"),
        (529, "overloaded_error", "MODEL_OVERLOADED"),
    ],
)
def test_passing_refusals(service: Service, status: int, kind: str, code: str) -> None:
    assert_passing(service, status, kind, code)
