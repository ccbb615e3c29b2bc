"""What an agent knows, its workflow and its limits, as a configuration says them."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.backends.agents import Agent, AgentFault, parse_agent
from shared.backends.sections import Knowledge, Limits, Step, Workflow
from shared.backends.yaml_text import Document
from shared.protocol.faults import Fault

LEAST = {"name": "Support", "instructions": "Help."}
STEP = {"id": "find", "intent": "Find it", "criteria": "It is found"}
EXAMPLE = Document(Path(__file__).with_name("example.yaml").read_text())
SECTIONS = ("knowledge", "workflow", "limits")


def refusal(values: dict[str, Any]) -> Fault:
    with pytest.raises(AgentFault) as caught:
        parse_agent("support", {**LEAST, **values}, default_model="m")
    return caught.value.fault


# -- the example with everything in it ----------------------------------------------------------


def test_the_example_has_every_field() -> None:
    assert set(EXAMPLE.values) == set(Agent.model_fields) - {"id"}


def test_the_example_is_valid() -> None:
    agent = parse_agent("workshop", EXAMPLE.values, default_model="m")
    assert (agent.name, len(agent.tools)) == ("Workshop", 5)
    assert Agent.model_validate(agent.counted()) == agent


def test_what_is_kept_of_the_example_is_the_example() -> None:
    """So that a turn which waits can go on with it, once it is run."""
    agent = Agent.model_validate({**EXAMPLE.values, "id": "workshop"})
    assert Agent.model_validate(agent.counted()) == agent
    assert agent.counted()["limits"] == {
        "turn_seconds": 600,
        "turn_usd": "0.5",
        "conversation_usd": "5",
    }


@pytest.mark.parametrize("name", SECTIONS)
def test_nothing_is_as_if_it_were_not_there(name: str) -> None:
    agent = parse_agent("support", {**LEAST, name: None}, default_model="m")
    assert agent == parse_agent("support", LEAST, default_model="m")


# -- knowledge --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "documents",
    [
        *("knowledge", "knowledge/support", "knowledge/support/", "Wissen/über uns", ".hidden/a.b"),
        *("s3://bucket", "s3://my.bucket-1/", "s3://bucket/a/b c/", "x" * 512),
    ],
)
def test_where_documents_may_be(documents: str) -> None:
    found = Knowledge.model_validate({"documents": documents})
    assert (found.documents, found.id, found.top_k) == (documents, None, 3)


@pytest.mark.parametrize(
    "documents",
    [
        *("", " ", "/", "/etc", ".", "..", "../a", "a/../b", "a/..", "a/. ./b/..", "./a", "a//b"),
        *("a\\b", "C:\\docs", "c:docs", "~/docs", "file:///etc", "https://example.com", "a\nb"),
        *("s3:", "s3://", "s3:///a", "s3://b/a", "s3://UPPER/a", "s3://bucket/../a", "s3://a b/c"),
        *("S3://bucket/a", "x" * 513, "a\u202eb"),
    ],
)
def test_where_documents_may_not_be(documents: str) -> None:
    fault = refusal({"knowledge": {"documents": documents}})
    assert str(fault).startswith(
        '"knowledge.documents" must be a folder beside the agents, such as'
    )


@pytest.mark.parametrize(
    ("knowledge", "said"),
    [
        ({}, '"knowledge" must have exactly one of documents, id and bedrock: what is searched.'),
        ({"documents": None}, '"knowledge" must have exactly one of documents, id'),
        ({"documents": "a", "id": "b"}, '"knowledge" must have exactly one of documents, id'),
        ({"bedrock": "ABCDE12345", "id": "b"}, '"knowledge" must have exactly one of'),
        ({"bedrock": "ABCDE1234"}, '"knowledge.bedrock" must be the id of a knowledge base in'),
        ({"bedrock": "ABCDE1234-"}, '"knowledge.bedrock" must be the id of a knowledge base in'),
        ({"bedrock": 1234567890}, '"knowledge.bedrock" must be a text; put it in quotes.'),
        ({"id": "../b"}, '"knowledge.id" must be up to 128 letters, digits, and after the first'),
        ({"id": 5}, '"knowledge.id" must be a text; put it in quotes.'),
        ({"id": "a", "top_k": 0}, '"knowledge.top_k" must be at least 1.'),
        ({"id": "a", "top_k": 21}, '"knowledge.top_k" must be at most 20.'),
        ({"id": "a", "top_k": 3.0}, '"knowledge.top_k" must be a whole number.'),
        ({"id": "a", "top_k": True}, '"knowledge.top_k" must be a whole number.'),
        ({"id": "a", "acl": []}, '"knowledge.acl" is not a known field; the fields are documents,'),
        ("a", '"knowledge" must be an object such as {documents: knowledge/support}.'),
        ([], '"knowledge" must be an object such as'),
    ],
)
def test_knowledge_that_is_refused(knowledge: Any, said: str) -> None:
    assert str(refusal({"knowledge": knowledge})).startswith(said)


# -- the workflow -----------------------------------------------------------------------------


def test_a_workflow() -> None:
    found = Workflow.model_validate(
        {"goal": "Solve it", "steps": [{**STEP, "id": f"_{n}"} for n in range(32)]}
    )
    assert found.steps[31] == Step(id="_31", intent="Find it", criteria="It is found")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"goal": " "}, '"workflow.goal" may not be blank.'),
        ({"goal": "x" * 2001}, '"workflow.goal" may have at most 2000 characters; shorten it.'),
        ({"steps": {}}, '"workflow.steps" must be a list; begin each entry with -.'),
        ({"steps": []}, '"workflow.steps" must have at least one step.'),
        ({"steps": [STEP] * 33}, '"workflow.steps" may have at most 32 entries; remove some.'),
        ({"steps": [STEP, None]}, '"workflow.steps.1" must be an object such as {id: find,'),
        ({"steps": [{**STEP, "next": "a"}]}, '"workflow.steps.0.next" is not a known field;'),
        ({"steps": [{**STEP, "intent": ""}]}, '"workflow.steps.0.intent" may not be blank.'),
        ({"steps": [{**STEP, "criteria": ["a"]}]}, '"workflow.steps.0.criteria" must be a text,'),
        ({"goal": "Help {{ name }}"}, '"workflow.goal" has {{ name }}; a workflow has no places'),
        ({"steps": [{**STEP, "intent": "{{a}}"}]}, '"workflow.steps.0.intent" has {{a}}; a work'),
        *(
            ({"steps": [{**STEP, "id": name}]}, '"workflow.steps.0.id" must be up to 64 letters,')
            for name in ("", "1st", "a b", "a-b", "é", "x" * 65)
        ),
        (
            {"steps": [STEP, {**STEP, "id": "Find"}, STEP]},
            '"workflow.steps.2.id" is "find", as that of steps.0 is; change one.',
        ),
        ({"judge": "m"}, '"workflow.judge" is not a known field; the fields are goal, steps.'),
    ],
)
def test_workflows_that_are_refused(changes: dict[str, Any], said: str) -> None:
    values = {"goal": "Solve it", "steps": [STEP], **changes}
    assert str(refusal({"workflow": values})).startswith(said)


# -- limits -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dollars", "nano"),
    [
        *((0.29, 290_000_000), (0.1, 100_000_000), (0.50, 500_000_000), (5, 5_000_000_000)),
        *(("0.29", 290_000_000), ("5", 5_000_000_000), (1e-6, 1_000), (10**6, 10**15)),
    ],
)
def test_dollars(dollars: Any, nano: int) -> None:
    found = Limits.model_validate({"turn_usd": dollars})
    assert found.turn_usd == nano
    assert Limits.model_validate(found.model_dump(mode="json")) == found


@given(st.integers(1, 10**11), st.booleans())
def test_dollars_lose_nothing(cents: int, as_number: bool) -> None:
    written = Decimal(cents) / 10**5
    found = Limits.model_validate({"turn_usd": float(written) if as_number else str(written)})
    assert found.turn_usd == cents * 10_000
    assert Limits.model_validate(found.model_dump(mode="json")) == found


@pytest.mark.parametrize(
    "dollars",
    [
        *(0, -1, "0", "", "five", "$5", "0,50", True, False, [5], {"usd": 5}, 10**6 + 1, 10**4000),
        *(float("inf"), float("nan"), "nan", "inf", 1e-7, [0, [5], 0]),
    ],
)
@pytest.mark.parametrize("field", ["turn_usd", "conversation_usd"])
def test_what_is_no_amount(dollars: Any, field: str) -> None:
    said = f'"limits.{field}" must be an amount of dollars above 0, such as 25 or 0.50.'
    assert str(refusal({"limits": {field: dollars}})) == said


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"turn_seconds": 0}, '"limits.turn_seconds" must be more than 0.'),
        ({"turn_seconds": 86_401}, '"limits.turn_seconds" must be at most 86400.'),
        ({"turn_seconds": float("inf")}, '"limits.turn_seconds" must be a finite number.'),
        ({"turn_seconds": "600"}, '"limits.turn_seconds" must be a number, in digits and without'),
        ({"turn_seconds": True}, '"limits.turn_seconds" must be a number.'),
        ({"turn_secs": 5}, '"limits.turn_secs" is not a known field; did you mean "turn_seconds"?'),
        ([], '"limits" must be an object such as {turn_seconds: 600, turn_usd: 0.50}.'),
    ],
)
def test_limits_that_are_refused(limits: Any, said: str) -> None:
    assert str(refusal({"limits": limits})).startswith(said)
