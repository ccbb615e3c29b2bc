"""What an agent may have, wherever it is read from."""

from typing import Any

import pytest

from shared.backends.agents import Agent, AgentFault, parse_agent

LEAST = {"name": "Support", "instructions": "Help."}
FIND = {"python": "orders:find"}
CALL = {"lambda": {"function": "f"}}
REMOTE = {**CALL, "name": "f", "description": "F.", "parameters": {"type": "object"}}


def agent(**values: Any) -> Agent:
    return parse_agent("support", {**LEAST, **values}, default_model="the-default")


def test_little_is_enough() -> None:
    found = agent()
    assert (found.id, found.name, found.instructions) == ("support", "Support", "Help.")
    assert (found.model, found.max_tokens, found.greeting) == ("the-default", 4096, None)
    assert found.origins == ()


def test_everything_at_once() -> None:
    found = agent(model="m", max_tokens=64_000, greeting="Hi!", origins=["HTTPS://Shop.example"])
    assert (found.model, found.max_tokens, found.greeting) == ("m", 64_000, "Hi!")
    assert found.origins == ("https://shop.example",)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"colour": "red"}, '"colour" is not a known field; the fields are name, instructions'),
        ({"id": "x"}, '"id" is not a known field'),
        ({"name": None}, '"name" must be a text'),
        ({"name": " "}, '"name" may not be blank'),
        ({"name": "x" * 129}, '"name" may have at most 128 characters'),
        ({"instructions": ""}, '"instructions" may not be blank'),
        ({"instructions": ["Help."]}, '"instructions" must be a text'),
        ({"model": ""}, '"model" may not be blank'),
        ({"max_tokens": 0}, '"max_tokens" must be at least 1'),
        ({"max_tokens": 64_001}, '"max_tokens" must be at most 64000'),
        ({"max_tokens": "4096"}, '"max_tokens" must be a whole number'),
        ({"max_tokens": 1.5}, '"max_tokens" must be a whole number'),
        ({"max_tokens": True}, '"max_tokens" must be a whole number'),
        ({"greeting": ""}, '"greeting" may not be blank'),
        ({"origins": "https://x.org"}, '"origins" must be a list'),
        ({"origins": ["https://x.org", "x.org"]}, '"origins.1" must be origins such as'),
        ({"origins": ["https://x.org/path"]}, '"origins.0" must be origins'),
        ({5: "x"}, '"5" is not a known field'),
        ({"models_allowed": "m"}, '"models_allowed" must be a list'),
        ({"models_allowed": ["m", " "]}, '"models_allowed.1" may not be blank'),
        ({"max_iterations": 0}, '"max_iterations" must be at least 1'),
        ({"max_iterations": 65}, '"max_iterations" must be at most 64'),
        ({"thinking": 1023}, '"thinking" must be adaptive, or a number of tokens from 1024 on'),
        ({"thinking": True}, '"thinking" must be adaptive, or a number of tokens from 1024 on'),
        ({"thinking": "hard"}, '"thinking" must be adaptive, or a number of tokens'),
        ({"thinking": 4096}, '"thinking" must be less than max_tokens'),
        ({"suggested_replies": "yes"}, '"suggested_replies" must be true or false'),
        ({"skills": ["../tone"]}, '"skills.0" must be the name of a skill'),
        ({"skills": ["a"] * 65}, '"skills" may have at most 64 entries'),
        ({"skills": ["a", "b", "a"]}, '"skills.2" names "a" a second time'),
        ({"tools": {}}, '"tools" must be a list'),
        ({"tools": [FIND] * 65}, '"tools" may have at most 64 entries'),
        ({"tools": ["orders:find"]}, '"tools.0" must be an object'),
        ({"tools": [{}]}, '"tools.0" must have exactly one of python, http, lambda and builtin'),
        ({"tools": [{**FIND, **CALL}]}, '"tools.0" must have exactly one of python, http'),
        ({"tools": [{"python": "orders"}]}, '"tools.0.python" must be module:function'),
        ({"tools": [{**FIND, "colour": 1}]}, '"tools.0.colour" is not a known field'),
        ({"tools": [{**FIND, "parameters": {}}]}, '"tools.0" must leave parameters out'),
        ({"tools": [{**FIND, "name": "a b"}]}, '"tools.0.name" must be up to 64 letters'),
        ({"tools": [{**FIND, "timeout_sec": 0}]}, '"tools.0.timeout_sec" must be more than 0'),
        ({"tools": [FIND, CALL]}, '"tools.1" is missing name and description and parameters'),
        ({"tools": [{**REMOTE, "timeout_sec": 5}]}, '"tools.0" must have timeout_sec inside'),
    ],
)
def test_what_is_wrong_is_said(values: dict[Any, Any], said: str) -> None:
    with pytest.raises(AgentFault) as caught:
        parse_agent("a", {**LEAST, **values}, default_model="m")
    assert said in str(caught.value)


def test_a_missing_field() -> None:
    with pytest.raises(AgentFault, match='"instructions" is missing; add it'):
        parse_agent("a", {"name": "Support"}, default_model="m")


# -- the hash ---------------------------------------------------------------------------------


def test_the_same_configuration_has_the_same_hash() -> None:
    one = parse_agent("a", {"name": "N", "instructions": "I"}, default_model="m")
    same = parse_agent("a", {"instructions": "I", "model": "m", "name": "N"}, default_model="x")
    assert one.config_hash == same.config_hash
    assert len(one.config_hash) == 64


@pytest.mark.parametrize(
    "values",
    [
        {"name": "Other"},
        {"instructions": "Help!"},
        {"model": "other"},
        {"max_tokens": 1},
        {"greeting": "Hi"},
        {"origins": ["*"]},
        {"models_allowed": ["other"]},
        {"max_iterations": 1},
        {"thinking": "adaptive"},
        {"thinking": 2048},
        {"skills": ["tone"]},
        {"suggested_replies": True},
        {"tools": [FIND]},
        {"tools": [{"builtin": "request_choices"}]},
    ],
)
def test_every_field_counts(values: dict[str, Any]) -> None:
    assert agent(**values).config_hash != agent().config_hash


@pytest.mark.parametrize(
    "values",
    [
        *({"repeatable": True}, {"parallel": False}, {"timeout_sec": 5}, {"name": "seek"}),
        *({"approval": "required"}, {"verified": True}),
    ],
)
def test_every_field_of_a_tool_counts(values: dict[str, Any]) -> None:
    plain = agent(tools=[FIND])
    assert agent(tools=[{**FIND, **values}]).config_hash != plain.config_hash


def test_fields_at_their_defaults_do_not_count() -> None:
    said = agent(
        greeting=None, origins=[], models_allowed=[], max_tokens=4096, max_iterations=20,
        tools=[], skills=[], suggested_replies=False, confirm_tools=[],
    )  # fmt: skip
    assert said.config_hash == agent().config_hash
    spelled: dict[str, Any] = {**FIND, "repeatable": False, "parallel": True, "timeout_sec": None}
    spelled |= {"approval": {"required": False}, "verified": False, "builtin": None}
    assert agent(tools=[spelled]).config_hash == agent(tools=[FIND]).config_hash
    method = {"url": "https://example.com", "method": "GET", "headers": {}}
    http = {name: value for name, value in REMOTE.items() if name != "lambda"}
    least = {**http, "http": {"url": "https://example.com"}}
    assert agent(tools=[{**http, "http": method}]).config_hash == agent(tools=[least]).config_hash


def test_the_hash_stays_from_release_to_release() -> None:
    # A parked turn goes on with the configuration of this hash, after a deployment too.
    expected = "1c3751fc01508bdd640c1435d0744d7fe2c832ef84d13f23295045321c603f8b"
    assert agent().config_hash == expected
    expected = "76ea025e2b70b3b6b3f87ada53dd0795f55717d8c758fbb5a8cf75dc91fb92ab"
    http = {name: value for name, value in REMOTE.items() if name != "lambda"}
    tools = [FIND, REMOTE, {**http, "name": "g", "http": {"url": "https://example.com/{id}"}}]
    assert agent(tools=tools, skills=["tone"]).config_hash == expected


# -- origins ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("origins", "origin", "admitted"),
    [
        ([], "https://anywhere.org", True),
        (["*"], "https://anywhere.org", True),
        (["https://shop.org"], None, True),
        (["https://shop.org"], "https://shop.org", True),
        (["https://shop.org"], "HTTPS://SHOP.ORG", True),
        (["https://shop.org"], "http://shop.org", False),
        (["https://shop.org"], "https://shop.org:8443", False),
        (["https://shop.org"], "https://www.shop.org", False),
        (["https://shop.org"], "https://shop.org.evil.net", False),
        (["https://*.shop.org"], "https://www.shop.org", True),
        (["https://*.shop.org"], "https://a.b.shop.org", True),
        (["https://*.shop.org"], "https://shop.org", False),
        (["https://*.shop.org"], "https://.shop.org", False),
        (["https://*.shop.org"], "https://evilshop.org", False),
        (["https://*.shop.org"], "https://evil.net/.shop.org", False),
        (["https://*.shop.org:8443"], "https://www.shop.org:8443", True),
        (["https://shop.org", "null"][:1], "null", False),
    ],
)
def test_origins(origins: list[str], origin: str | None, admitted: bool) -> None:
    assert agent(origins=origins).admits(origin) is admitted
