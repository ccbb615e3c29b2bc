"""The scripts that talk to agents through a runner."""

from pathlib import Path

import pytest

from shared.identity.credentials import LOCAL
from tests.examples.programs import ROOT, complaint, printed, run
from tests.support.deployments import local_set
from tests.support.messages_api import ScriptedMessagesApi, Step, ToolCall, echo

DOCS = (ROOT / "docs" / "runner.md").read_text()


def test_a_script_asks_a_model() -> None:
    with ScriptedMessagesApi(reply=echo) as api:
        answer = printed(run("embed.py", "How", "are you?", ANTHROPIC_BASE_URL=api.base_url))
        assert answer == "You said: How are you? (message 1)"
        assert api.requests[0]["model"] == "claude-sonnet-5"


def test_the_environment_says_which_model_and_whose_key() -> None:
    with ScriptedMessagesApi(reply=echo) as api:
        variables = {"ANTHROPIC_API_KEY": "a-key", "ANTHROPIC_MODEL": "claude-haiku-4-5"}
        printed(run("embed.py", ANTHROPIC_BASE_URL=api.base_url, **variables))
        assert api.requests[0]["model"] == "claude-haiku-4-5"
        assert "a-key" in str(api.headers[0])


def test_without_a_key_it_says_what_to_set() -> None:
    said = complaint(run("embed.py"))
    assert "ANTHROPIC_API_KEY" in said
    assert "ANTHROPIC_BASE_URL" in said


def test_a_failure_is_one_sentence() -> None:
    refusal = Step(status=401, error_type="authentication_error", error_message="secret")
    with ScriptedMessagesApi([refusal]) as api:
        said = complaint(run("embed.py", ANTHROPIC_BASE_URL=api.base_url))
        assert said == "The model provider does not accept the API key."


def test_a_script_follows_the_workers(tmp_path: Path) -> None:
    steps = [
        Step(
            tokens=["I look."],
            tool_calls=[ToolCall(name="find_order", input={"order_id": "1042"})],
        ),
        Step(tokens=["It is on a van."]),
    ]
    with ScriptedMessagesApi(steps) as api, local_set(tmp_path, api.base_url) as running:
        ended = run("follow.py", "shop", "Where is 1042?", WORKSPACE_BASE=str(tmp_path))
        assert printed(ended) == "I look. [find_order] \n\nIt is on a van."
        running.settle()
        (found,) = running.deployment.conversations.page(LOCAL, limit=10).conversations
        assert found.title == "Where is 1042?"


def test_an_agent_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    said = complaint(run("follow.py", "nobody", "Hi", WORKSPACE_BASE=str(tmp_path)))
    assert said == "There is no such agent."


@pytest.mark.parametrize("program", ["embed.py", "follow.py"])
def test_the_documentation_has_the_scripts_to_the_letter(program: str) -> None:
    text = (ROOT / "examples" / program).read_text()
    assert f"```python\n{text}```\n" in DOCS
