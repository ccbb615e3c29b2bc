"""What agents look up: by the tool, and with each message; in one process."""

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from shared.clock import SystemClock
from shared.identity.principal import Principal
from shared.knowledge.port import MAX_QUERY, KnowledgeUnavailable, Passage, Reader
from shared.models.anthropic_api import AnthropicModel
from shared.runner.events import Reply
from shared.runner.in_process import Agent, InProcessRunner
from shared.runner.knowledge import NOT_REPEATED, NOTHING_FOUND, KnowledgeSearch, passages_for
from shared.tools.port import InvalidArguments, ToolContext, ToolFault, ToolResult
from tests.support.messages_api import ScriptedMessagesApi, Step, ToolCall

ANN = Principal("t", "ann", frozenset({"user"}), groups=frozenset({"support"}))
CONTEXT = ToolContext(
    tenant="t",
    user="ann",
    conversation="c",
    session="s",
    turn="q",
    call="c1",
    idempotency_key="k",
    deadline=60.0,
    roles=frozenset({"admin"}),
    groups=frozenset({"support"}),
)
PASSAGE = Passage(id="a.md", title="A", text="Thirty days.", url="https://example.com", score=1.5)


class Books:
    """Finds what it is given, for everything but `nothing`; `asked` has each search."""

    def __init__(self, *found: Passage, fault: KnowledgeUnavailable | None = None) -> None:
        self.asked: list[tuple[str, Reader, int]] = []
        self._found = found
        self._fault = fault

    def search(self, query: str, *, reader: Reader, limit: int) -> Sequence[Passage]:
        self.asked.append((query, reader, limit))
        if self._fault:
            raise self._fault
        return [] if query == "nothing" else self._found[:limit]


def run(books: Books, arguments: Mapping[str, Any], top_k: int = 3) -> str | ToolResult:
    return KnowledgeSearch(books, top_k).run(arguments, CONTEXT)


def test_the_tool_gives_passages_as_data_with_their_citations() -> None:
    books = Books(PASSAGE)
    found = run(books, {"query": "returns"})
    assert isinstance(found, ToolResult)
    assert json.loads(found.text) == {
        "passages": [{"document": "a.md", "title": "A", "text": "Thirty days."}]
    }
    assert list(found.citations) == [
        {
            "id": "a.md",
            "title": "A",
            "url": "https://example.com",
            "snippet": "Thirty days.",
            "score": 1.5,
        }
    ]
    reader = Reader(tenant="t", user="ann", groups=frozenset({"support"}))
    assert books.asked == [("returns", reader, 3)]


@pytest.mark.parametrize(
    ("arguments", "top_k", "limit"),
    [({}, 3, 3), ({}, 20, 10), ({"limit": 1}, 3, 1), ({"limit": 10}, 3, 10)],
)
def test_how_much_is_asked_for(arguments: Mapping[str, Any], top_k: int, limit: int) -> None:
    books = Books()
    run(books, {"query": "returns", **arguments}, top_k)
    assert books.asked[0][2] == limit


def test_nothing_found_is_said_in_words() -> None:
    assert run(Books(PASSAGE), {"query": "nothing"}) == NOTHING_FOUND


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({}, "query: must be the text"),
        ({"query": 1}, "query: must be the text"),
        ({"query": " \n"}, "query: must be the text"),
        ({"query": "x" * (MAX_QUERY + 1)}, "query: may have 2000 characters"),
        ({"query": "x", "limit": 0}, "limit: must be a whole number from 1 to 10"),
        ({"query": "x", "limit": 11}, "limit: must be"),
        ({"query": "x", "limit": True}, "limit: must be"),
        ({"query": "x", "limit": None}, "limit: must be"),
        ({"query": "x", "user": "bob"}, "user: is not known"),
    ],
)
def test_what_does_not_fit_is_said_and_nothing_is_asked(
    arguments: Mapping[str, Any], reason: str
) -> None:
    books = Books()
    with pytest.raises(InvalidArguments, match=reason):
        run(books, arguments)
    assert books.asked == []


def test_without_knowledge_the_model_is_told_and_the_log_says_why(
    caplog: pytest.LogCaptureFixture,
) -> None:
    books = Books(fault=KnowledgeUnavailable("S3 does not answer."))
    with caplog.at_level(logging.WARNING, "parley"):
        with pytest.raises(ToolFault, match="cannot be searched at the moment"):
            run(books, {"query": "a very private question"})
        assert passages_for(books, "a very private question", ANN, 3) == ()
    assert [record.__dict__["reason"] for record in caplog.records] == ["S3 does not answer."] * 2
    assert "private" not in str([vars(record) for record in caplog.records])


@pytest.mark.parametrize(("books", "top_k"), [(None, 3), (Books(PASSAGE), 0)])
def test_nothing_is_looked_up_for_a_message(books: Books | None, top_k: int) -> None:
    assert passages_for(books, "returns", ANN, top_k) == ()
    assert books is None or books.asked == []


@pytest.mark.parametrize("message", ["", " \n"])
def test_nothing_is_looked_up_for_a_message_without_words(message: str) -> None:
    books = Books(PASSAGE)
    assert passages_for(books, message, ANN, 3) == ()
    assert books.asked == []


def test_an_agent_of_a_program_looks_things_up_too() -> None:
    books = Books(PASSAGE)
    agent = Agent(
        instructions="You help.",
        model="m",
        knowledge=books,
        top_k=2,
        builtins=frozenset({"knowledge_search"}),
    )
    script = [
        Step(tool_calls=[ToolCall(name="knowledge_search", input={"query": "days"})]),
        Step(tokens=["Thirty."]),
        Step(tokens=["As I said."]),
    ]
    with ScriptedMessagesApi(script) as api:
        model = AnthropicModel(
            clock=SystemClock(), base_url=api.base_url, base_backoff=0.01, max_backoff=0.05
        )
        runner = InProcessRunner(agent=agent, model=model)
        *_, reply = runner.run("s", "How many days?", principal=ANN)
        list(runner.run("s", "nothing", principal=ANN))
        model.close()
    assert isinstance(reply, Reply)
    assert [each["id"] for each in reply.citations] == ["a.md"]
    assert [(query, limit) for query, _, limit in books.asked] == [
        ("How many days?", 2),
        ("days", 2),
        ("nothing", 2),
    ]
    first, second, third = [request["messages"] for request in api.requests]
    assert "Thirty days." in str(first)
    assert "Thirty days." in str(second[-1])
    assert "Thirty days." not in str(third)
    assert NOT_REPEATED not in str(second)
