"""Tools that wait for people, as an agent's configuration has them."""

from typing import Any

import pytest

from shared.backends.agents import Agent, AgentFault, parse_agent
from shared.backends.gates import gates
from shared.runner.gates import Approval, Gate
from shared.tools.specs import BUILTINS

FIND = {"python": "orders:find"}
PAY = {"python": "orders:pay"}
FAR = {"name": "far", "description": "F.", "parameters": {"type": "object"}}
HTTP = {**FAR, "http": {"url": "https://example.com"}}
ASK = {"builtin": "request_user_input"}
DAY = 86_400
SURROGATE = {"type": "object", "description": "\ud800"}


def agent(*tools: Any, **values: Any) -> Agent:
    fields = {"name": "Support", "instructions": "Help.", "tools": list(tools), **values}
    return parse_agent("support", fields, default_model="m")


# -- approval and verified --------------------------------------------------------------------


def test_an_agent_without_gates() -> None:
    assert gates(agent()) == {}
    assert gates(agent(FIND, {**PAY, "approval": {"required": False}, "verified": False})) == {}


@pytest.mark.parametrize("tool", [PAY, HTTP, {**FAR, "lambda": {"function": "f"}}])
def test_each_kind_may_have_a_gate(tool: dict[str, Any]) -> None:
    found = agent(FIND, {**tool, "approval": "required", "verified": True})
    name = found.tools[1].called
    assert gates(found) == {name: Gate(approval=Approval(), verified=True)}


@pytest.mark.parametrize(
    ("approval", "gate"),
    [
        ("required", Approval()),
        ({"required": True}, Approval()),
        ({"required": True, "timeout_sec": 1}, Approval(seconds=1)),
        ({"required": True, "timeout_sec": 30 * DAY}, Approval(seconds=30 * DAY)),
        (
            {"required": True, "timeout_sec": 0.5 + DAY, "roles": ["agent", "Équipe 7"]},
            Approval(seconds=0.5 + DAY, roles=frozenset({"agent", "Équipe 7"})),
        ),
    ],
)
def test_what_an_approval_may_say(approval: Any, gate: Approval) -> None:
    assert gates(agent({**PAY, "approval": approval})) == {"pay": Gate(approval=gate)}


def test_the_two_ways_to_write_it_are_one_configuration() -> None:
    short = agent({**PAY, "approval": "required"})
    assert agent({**PAY, "approval": {"required": True}}).config_hash == short.config_hash
    longer = agent({**PAY, "approval": {"required": True, "timeout_sec": 5}})
    assert longer.config_hash != short.config_hash


MUST = '"tools.0.approval" must be required, or {required: true} with timeout_sec and roles; leave'


@pytest.mark.parametrize(
    ("approval", "said"),
    [
        *((value, MUST) for value in (None, True, False, "none", "Required", "", 5, [], ["r"])),
        ({}, '"tools.0.approval.required" is missing'),
        ({"timeout_sec": 5}, '"tools.0.approval.required" is missing'),
        ({"required": "true"}, '"tools.0.approval.required" must be true or false'),
        ({"required": 1}, '"tools.0.approval.required" must be true or false'),
        ({"required": None}, '"tools.0.approval.required" must be true or false'),
        (
            {"required": False, "timeout_sec": 5},
            '"tools.0.approval" must have nothing beside required: false; remove it',
        ),
        ({"required": True, "timeout": 5}, '"tools.0.approval.timeout" is not a known field'),
    ],
)
def test_what_is_no_approval(approval: Any, said: str) -> None:
    with pytest.raises(AgentFault) as caught:
        agent({**PAY, "approval": approval})
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("timeout_sec", 0, "must be at least 1"),
        ("timeout_sec", 30 * DAY + 1, "must be at most 30 days (2592000), in seconds."),
        ("timeout_sec", float("inf"), "must be a finite number"),
        ("timeout_sec", float("nan"), "must be a finite number"),
        ("timeout_sec", "5", "must be a number"),
        ("timeout_sec", True, "must be a number"),
        ("roles", "admin", "must be a list"),
        ("roles", None, "must be a list"),
        ("roles", [], "must name at least one role; leave it out where the user decides."),
        ("roles", [str(n) for n in range(17)], "may have at most 16 entries"),
        ("roles", ["a", "b", "a"], "may name each role only once"),
        ("roles.0", [""], "must be the name of a role: up to 64 printable characters"),
        ("roles.0", [" "], "must be the name of a role"),
        ("roles.1", ["a", "x" * 65], "must be the name of a role"),
        ("roles.0", ["a\nb"], "must be the name of a role"),
        ("roles.0", [5], "must be a text"),
    ],
)
def test_limits_of_an_approval(field: str, value: Any, said: str) -> None:
    with pytest.raises(AgentFault) as caught:
        agent({**PAY, "approval": {"required": True, field.partition(".")[0]: value}})
    assert f'"tools.0.approval.{field}" {said}' in str(caught.value)


@pytest.mark.parametrize("value", ["yes", 1, None])
def test_verified_is_true_or_false(value: Any) -> None:
    with pytest.raises(AgentFault, match=r'"tools\.0\.verified" must be true or false'):
        agent({**PAY, "verified": value})


# -- confirm_tools ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("patterns", "gated"),
    [
        (["pay"], {"pay"}),
        (["*"], {"find", "pay", "far"}),
        (["f*"], {"find", "far"}),
        (["f?r", "pay"], {"far", "pay"}),
        (["[pq]ay"], {"pay"}),
        (["[!p]*"], {"find", "far"}),
        (["find", "f*"], {"find", "far"}),
    ],
)
def test_names_and_patterns(patterns: list[str], gated: set[str]) -> None:
    found = gates(agent(FIND, PAY, HTTP, ASK, confirm_tools=patterns))
    assert found == dict.fromkeys(gated, Gate(approval=Approval()))


def test_what_a_tool_says_of_its_own_approval_holds() -> None:
    mine = {**PAY, "approval": {"required": True, "timeout_sec": 5, "roles": ["admin"]}}
    found = gates(agent({**FIND, "verified": True}, mine, confirm_tools=["*"]))
    assert found == {
        "find": Gate(approval=Approval(), verified=True),
        "pay": Gate(approval=Approval(seconds=5, roles=frozenset({"admin"}))),
    }


def test_confirm_tools_adds_what_a_tool_left_out() -> None:
    tool = {**PAY, "approval": {"required": False}}
    assert gates(agent(tool, confirm_tools=["pay"])) == {"pay": Gate(approval=Approval())}


@pytest.mark.parametrize(
    ("patterns", "said"),
    [
        (
            ["pay", "Pay"],
            '.1" has "Pay", which matches no tool of this agent; there are find, pay.',
        ),
        (
            ["issue_*"],
            '.0" has "issue_*", which matches no tool of this agent; there are find, pay',
        ),
        (["[pay"], '.0" has "[pay", which matches no tool of this agent'),
        (["request_*"], '.0" has "request_*", which matches no tool of this agent'),
        ([""], '.0" must be the name of a tool or a pattern such as issue_*, of up to 128'),
        (["*" * 129], '.0" must be the name of a tool or a pattern'),
        (["*\n"], '.0" must be the name of a tool or a pattern'),
        ([5], '.0" must be a text'),
        ("pay", '" must be a list'),
        (["pay"] * 65, '" may have at most 64 entries'),
    ],
)
def test_patterns_that_are_refused(patterns: Any, said: str) -> None:
    with pytest.raises(AgentFault) as caught:
        agent(FIND, PAY, ASK, confirm_tools=patterns)
    assert f'"confirm_tools{said}' in str(caught.value)


@pytest.mark.parametrize("tools", [[], [ASK]])
def test_a_pattern_where_there_is_no_tool(tools: list[Any]) -> None:
    with pytest.raises(AgentFault, match="matches no tool of this agent; it has none"):
        agent(*tools, confirm_tools=["*"])


def test_tools_that_are_wrong_themselves_come_first() -> None:
    with pytest.raises(AgentFault, match=r'"tools\.0" must have exactly one'):
        agent({}, confirm_tools=["pay"])


def test_many_stars_take_no_time() -> None:
    tool = {**HTTP, "name": "a" * 64}
    with pytest.raises(AgentFault, match="matches no tool"):
        agent(tool, confirm_tools=["*a" * 63 + "b"])


# -- built-in tools ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", BUILTINS)
def test_built_in_tools(name: str) -> None:
    more = {"knowledge": {"documents": "help"}} if name == "knowledge_search" else {}
    found = agent({"builtin": name}, FIND, **more)
    assert [tool.called for tool in found.tools] == [name, "find"]
    assert gates(found) == {}


@pytest.mark.parametrize(
    ("tool", "said"),
    [
        (
            {"builtin": "request_choice"},
            'has "request_choice", which is no built-in tool; there are request_choices, request_',
        ),
        ({"builtin": "x" * 64}, f'"tools.0.builtin" has "{"x" * 64}", which is no built-in tool'),
        ({"builtin": "x" * 65}, '"tools.0.builtin" must be the name of a built-in tool; there'),
        ({"builtin": "a\u202eb"}, '"tools.0.builtin" must be the name of a built-in tool; there'),
        ({"builtin": ""}, '"tools.0.builtin" must be the name of a built-in tool; there are req'),
        ({"builtin": 5}, '"tools.0.builtin" must be a text'),
        ({"builtin": None}, '"tools.0" must have exactly one of python, http, lambda and builtin'),
        ({**ASK, **FIND}, '"tools.0" must have exactly one of python, http, lambda and builtin'),
        ({**ASK, "approval": "required"}, '"tools.0" must have nothing beside builtin; remove app'),
        ({**ASK, "verified": True, "name": "x"}, "beside builtin; remove name and verified."),
        (
            {"python": "orders:request_choices"},
            '"tools.0" has the name "request_choices", which is that of a built-in tool; give it',
        ),
        ({**HTTP, "name": "submit_interaction"}, 'has the name "submit_interaction", which is'),
        (
            {**HTTP, "parameters": SURROGATE},
            '"tools.0.parameters.description" has half of a surrogate pair',
        ),
    ],
)
def test_entries_that_are_refused(tool: dict[str, Any], said: str) -> None:
    with pytest.raises(AgentFault) as caught:
        agent(tool)
    assert said in str(caught.value)


def test_another_name_makes_room_for_a_built_in_tool() -> None:
    found = agent({"python": "orders:request_choices", "name": "choices"})
    assert found.tools[0].called == "choices"
