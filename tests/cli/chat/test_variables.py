"""`--var`: what a conversation is told from the beginning."""

from pathlib import Path

import pytest

from shared.cli.chat.app import named_values
from shared.cli.chat.faults import ChatFault
from tests.cli.chat.test_pipes import chat
from tests.support.deployments import local_set
from tests.support.messages_api import ScriptedMessagesApi, echo

AGENT = "name: A\ninstructions: You serve {{customer}} of {{company}}.\nmodel: m\n"


def test_values_go_with_the_conversation_and_back_to_it(tmp_path: Path) -> None:
    agents = tmp_path / "agents"
    agents.mkdir()
    (agents / "assistant.yaml").write_text(AGENT)
    settings = {"ASSISTANT_LOCAL_CONFIG_DIR": str(agents)}
    with (
        ScriptedMessagesApi(reply=echo) as model,
        local_set(tmp_path / "w", model.base_url, settings) as running,
    ):
        place = ("--url", running.socket_url, "--once", "hi")
        code, _, err = chat(tmp_path, *place, "--var", "customer=Ann", "--var", "company=a=b")
        conversation = err.split("conversation ")[1].split()[0]
        again = chat(tmp_path, *place, "--conversation", conversation)
        refused = chat(tmp_path, *place, "--var", "customer=Ann")

    assert (code, again[0]) == (0, 0)
    first, second = (request["system"] for request in model.requests)
    assert first == second
    assert '"customer">Ann<' in first
    assert '"company">a=b<' in first
    assert refused[0] == 1
    assert "company" in refused[2]


@pytest.mark.parametrize(
    ("given", "said"),
    [("customer", "--var name=value"), ("=x", "may only have names"), ("system__user=x", "gives")],
)
def test_what_is_no_variable_is_refused(given: str, said: str) -> None:
    with pytest.raises(ChatFault, match=said):
        named_values([given])
    assert named_values(["a=", "b=x=y"]) == {"a": "", "b": "x=y"}
