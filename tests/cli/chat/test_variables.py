"""`--var`: what a conversation is told from the beginning."""

from pathlib import Path

import pytest

from shared.cli.chat.app import named_overrides, named_values
from shared.cli.chat.faults import ChatFault
from tests.cli.chat.test_pipes import chat
from tests.support.deployments import local_set
from tests.support.messages_api import ScriptedMessagesApi, echo

AGENT = (
    "name: A\ninstructions: You serve {{customer}} of {{company}}.\nmodel: m\n"
    "overrides: [language]\n"
)


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
    assert refused[:2] == (1, "")
    assert (
        "It needs values for company; send them too. Add --var company=… to the command."
        in refused[2]
    )


def test_a_conversation_whose_agent_has_changed_is_there(tmp_path: Path) -> None:
    agents = tmp_path / "agents"
    agents.mkdir()
    file = agents / "assistant.yaml"
    file.write_text("name: A\ninstructions: Help.\nmodel: m\n")
    settings = {"ASSISTANT_LOCAL_CONFIG_DIR": str(agents)}
    with (
        ScriptedMessagesApi(reply=echo) as model,
        local_set(tmp_path / "w", model.base_url, settings) as running,
    ):
        place = ("--url", running.socket_url, "--once", "hi")
        _, _, err = chat(tmp_path, *place)
        back = ("--conversation", err.split("conversation ")[1].split()[0])
        file.write_text(AGENT)
        without = chat(tmp_path, *place, *back)
        given = ("--var", "customer=Ann", "--var", "company=B")
        code, out, _ = chat(tmp_path, *place, *back, *given)
        other = chat(tmp_path, *place, *back, *given, "--var", "plan=C")

    assert without[:2] == (1, "")
    assert "Add --var customer=… --var company=… to the command." in without[2]
    assert "no such conversation" not in without[2]
    assert (code, out) == (0, "You said: hi (message 2)\n")
    assert other[0] == 1
    assert "The agent uses no variable named plan" in other[2]


def test_overrides(tmp_path: Path) -> None:
    agents = tmp_path / "agents"
    agents.mkdir()
    (agents / "assistant.yaml").write_text(AGENT)
    settings = {"ASSISTANT_LOCAL_CONFIG_DIR": str(agents)}
    given = ("--var", "customer=Ann", "--var", "company=B")
    with (
        ScriptedMessagesApi(reply=echo) as model,
        local_set(tmp_path / "w", model.base_url, settings) as running,
    ):
        place = ("--url", running.socket_url, "--once", "hi", *given)
        code, _, _ = chat(tmp_path, *place, "--override", "language=de")
        refused = chat(tmp_path, *place, "--override", "greeting=Hi")

    assert code == 0
    assert "the language with the tag de" in model.requests[0]["system"]
    assert refused[0] == 1
    assert "does not let a session replace its greeting" in refused[2]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("de", "--override needs a name and a value: --override name=value."),
        ("tools=a", '--override: "overrides.tools" is not a known field'),
        ("language=German", '--override: "overrides.language" must be the tag of a language'),
    ],
)
def test_what_is_no_override_is_refused(given: str, said: str) -> None:
    with pytest.raises(ChatFault) as refused:
        named_overrides([given])
    assert refused.value.message.startswith(said)
    assert named_overrides(["greeting=a=b"]) == {"greeting": "a=b"}


@pytest.mark.parametrize(
    ("given", "said"),
    [("customer", "--var name=value"), ("=x", "may only have names"), ("system__user=x", "gives")],
)
def test_what_is_no_variable_is_refused(given: str, said: str) -> None:
    with pytest.raises(ChatFault, match=said):
        named_values([given])
    assert named_values(["a=", "b=x=y"]) == {"a": "", "b": "x=y"}
