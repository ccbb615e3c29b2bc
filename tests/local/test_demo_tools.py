"""Which tools the demo model calls for what people say, with the agents that come with Parley."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from shared.backends.configured import ConfiguredAgents
from shared.local.demo_answers import Call, answer
from shared.runner.request import described
from tests.support.local_agents import local_agents

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def agents() -> ConfiguredAgents:
    return local_agents(ROOT / "agents", "m", library=ROOT / "library")


def called(agents: ConfiguredAgents, agent: str, *texts: str) -> Call | None:
    tools = [described(tool) for tool in agents.equipped(agent, "local").toolbox]
    messages = [{"role": "user", "content": text} for text in texts]
    return answer({"messages": messages, "tools": tools}).call


@pytest.mark.parametrize(
    ("agent", "text", "name", "arguments"),
    [
        ("shop", "Where is order 1042?", "find_order", {"order_id": "1042"}),
        ("shop", "hi, where's my order #1042", "find_order", {"order_id": "1042"}),
        ("shop", "Is order 1041 shipped?", "find_order", {"order_id": "1041"}),
        ("shop", "Which orders are open?", "list_orders", {"state": "open"}),
        ("shop", "Please show me all orders.", "list_orders", {}),
        ("shop", "list the orders of customer Ada", "list_orders", {"customer": "Ada"}),
        ("planner", "What is 12.5 * (3 + 4)?", "calculate", {"expression": "12.5 * (3 + 4)"}),
        (
            "planner",
            "How many days are between 2026-01-31 and 2026-12-24?",
            "days_between",
            {"start": "2026-01-31", "end": "2026-12-24"},
        ),
        (
            "planner",
            "What date is 30 days after 2026-01-31?",
            "add_days",
            {"start": "2026-01-31", "days": 30},
        ),
    ],
)
def test_a_plain_question_reaches_the_tool(
    agents: ConfiguredAgents, agent: str, text: str, name: str, arguments: Mapping[str, Any]
) -> None:
    call = called(agents, agent, text)
    assert call == Call(name, arguments)


@pytest.mark.parametrize(
    ("agent", "text"),
    [
        ("shop", "Hello!"),
        ("shop", "I like orders."),
        ("shop", "Thanks, my order was lovely!"),
        ("shop", "How are you?"),
        ("shop", "What can you do?"),
        ("shop", "Tell me a joke."),
        ("shop", "Can I pay in 2 parts?"),
        ("planner", "I was born on 1999-01-01."),
        ("planner", "Have a nice day!"),
        ("planner", "How was your day?"),
        ("planner", "Are 3-4 people too many?"),
        ("assistant", "Where is order 1042?"),
    ],
)
def test_chat_reaches_no_tool(agents: ConfiguredAgents, agent: str, text: str) -> None:
    assert called(agents, agent, text) is None


def test_what_was_said_is_recalled_rather_than_looked_up(agents: ConfiguredAgents) -> None:
    assert called(agents, "shop", "My order is 1042.", "What is my order?") is None


def test_of_equal_tools_the_one_that_needs_what_was_said() -> None:
    tools = [
        {"name": "list_trips", "input_schema": {"type": "object"}},
        {
            "name": "book_trip",
            "input_schema": {
                "type": "object",
                "properties": {"seats": {"type": "integer"}},
                "required": ["seats"],
            },
        },
    ]
    for text, name in (("Which trips are there?", "list_trips"), ("Any trip for 3?", "book_trip")):
        said = answer({"messages": [{"role": "user", "content": text}], "tools": tools})
        assert said.call is not None
        assert said.call.name == name


def test_a_sentence_is_an_argument_only_where_sentences_fit() -> None:
    def tool(argument: str) -> dict[str, Any]:
        schema = {"properties": {argument: {"type": "string"}}, "required": [argument]}
        return {"name": "search_handbook", "input_schema": schema}

    asked = {"role": "user", "content": "What does the handbook say of leave?"}
    found = answer({"messages": [asked], "tools": [tool("query")]}).call
    assert found is not None
    assert found.arguments["query"].startswith("What does")
    assert answer({"messages": [asked], "tools": [tool("page_id")]}).call is None


@pytest.mark.parametrize("text", ["-" * 30_000, "1" + " " * 30_000, "(" * 30_000, "a-" * 15_000])
def test_long_odd_texts_are_answered(agents: ConfiguredAgents, text: str) -> None:
    assert called(agents, "planner", text + "?") is None
