"""What is the Anthropic adapter's own: its key, its address, and what it lets in from outside."""

import subprocess
import sys

import pytest

from shared.errors import ConfigurationError
from shared.models.anthropic_api import AnthropicModel
from tests.models.asking import ask, model_at
from tests.support.clock import FakeClock
from tests.support.messages_api import ScriptedMessagesApi, Step


def test_the_environment_does_not_reach_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "ANTHROPIC_API_KEY": "from-environment",
        "ANTHROPIC_AUTH_TOKEN": "from-environment",
        "ANTHROPIC_BASE_URL": "http://127.0.0.1:9",
        "ANTHROPIC_CUSTOM_HEADERS": "X-Leak: from-environment\nAuthorization: from-environment",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "ALL_PROXY": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)
    with ScriptedMessagesApi([Step(tokens=["Yes"], times=2)]) as api:
        for key in ("a-key", None):
            with model_at(api.base_url, api_key=key) as model:
                list(ask(model))
        with_key, without = api.headers
    assert "from-environment" not in str((with_key, without))
    assert "a-key" in str(with_key)
    assert "a-key" not in str(without)


def test_a_model_needs_a_key_or_an_address() -> None:
    with pytest.raises(ConfigurationError, match="ANTHROPIC_API_KEY"):
        AnthropicModel(clock=FakeClock())


def test_importing_the_adapter_does_not_import_the_sdk() -> None:
    code = (
        "import sys, shared.models.anthropic_api\n"
        "print([name for name in ('anthropic', 'httpx2', 'pydantic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
