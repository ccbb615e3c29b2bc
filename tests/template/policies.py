"""What each function's role allows: pairs of an action and what it is allowed on.

    ("dynamodb:Query", "Table/index/owned"), ("s3:GetObject", "Bucket/spill/*"), …

Resources have the names of the template; `recorder.py` names what functions do likewise.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.template import loading

Permission = tuple[str, str]

TEMPLATE = loading.load()
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
FUNCTIONS = loading.functions(TEMPLATE)

CONNECTIONS = "connections"
COPIES = "Table/AGENT#*"
"""The partitions that hold the copies of a backend's configurations."""
ONLY_COPIES = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["AGENT#*"]}}
TOOL_SECRETS = "secret:parley/*"
TOOL_FUNCTIONS = "ToolFunctionArns"
KNOWLEDGE = ("KnowledgeBucketArns", "KnowledgeObjectArns", "KnowledgeBaseArns")
MAIL = frozenset({"identities", "configuration sets"})
"""What SES asks for when a mail is sent."""

_OWN = "${AWS::Region}:${AWS::AccountId}"
TRACES = "traces"
_NAMES = {
    f"arn:${{AWS::Partition}}:execute-api:{_OWN}:${{WebSocketApi}}/prod/*/@connections/*": CONNECTIONS,  # noqa: E501
    f"arn:${{AWS::Partition}}:secretsmanager:{_OWN}:secret:parley/*": TOOL_SECRETS,
    # Who may be the sender is a condition.
    f"arn:${{AWS::Partition}}:ses:{_OWN}:identity/*": "identities",
    f"arn:${{AWS::Partition}}:ses:{_OWN}:configuration-set/*": "configuration sets",
    # A profile calls its models in the regions that it chooses.
    "arn:${AWS::Partition}:bedrock:*::foundation-model/anthropic.*": "models",
    f"arn:${{AWS::Partition}}:bedrock:{_OWN}:inference-profile/*": "profiles",
    f"arn:${{AWS::Partition}}:bedrock:{_OWN}:application-inference-profile/*": "own profiles",
}
"""All that a star may stand for, beside folders of the bucket."""


@dataclass(frozen=True)
class Statement:
    """One statement of a role. `condition` names what must hold for it to be there, `only` is what
    a request must be like."""

    permissions: frozenset[Permission]
    condition: str | None
    only: Any = None


def statements(function: str) -> Iterator[Statement]:
    """The statements of the function's role."""
    [role, _] = FUNCTIONS[function]["Role"]["Fn::GetAtt"]
    properties = RESOURCES[role]["Properties"]
    assert "ManagedPolicyArns" not in properties
    for policy in properties["Policies"]:
        for entry in policy["PolicyDocument"]["Statement"]:
            condition, statement = _conditional(entry)
            assert statement["Effect"] == "Allow"
            assert set(statement) - {"Condition"} == {"Sid", "Effect", "Action", "Resource"}
            only = statement.get("Condition")
            yield Statement(frozenset(_permissions(statement)), condition, only)


def allowed(function: str) -> set[Permission]:
    """Everything that the role allows when all conditions hold."""
    return {each for statement in statements(function) for each in statement.permissions}


def _permissions(statement: dict[str, Any]) -> Iterator[Permission]:
    resources = statement["Resource"]
    for entry in resources if isinstance(resources, list) else [resources]:
        _, resource = _conditional(entry)
        named = name_of(resource)
        if statement.get("Condition") == ONLY_COPIES:
            assert named == "Table"
            named = COPIES
        for action in statement["Action"]:
            assert "*" not in action
            assert (named == TRACES) is action.startswith("xray:")
            yield action, named


def _conditional(entry: dict[str, Any]) -> tuple[str | None, dict[str, Any]]:
    if "Fn::If" not in entry:
        return None, entry
    [condition, yes, no] = entry["Fn::If"]
    assert no == {"Ref": "AWS::NoValue"}
    return condition, yes


def name_of(resource: dict[str, Any] | str) -> str:
    """What a resource of a statement is called here.

    Raises:
        AssertionError: it is more open than any that a function needs.
    """
    if isinstance(resource, str):
        # Segments of traces are no resources that could be named.
        assert resource == "*"
        return TRACES
    [(kind, value)] = resource.items()
    if kind == "Ref":
        assert value in (TOOL_FUNCTIONS, *KNOWLEDGE)
        return str(value)
    if kind == "Fn::GetAtt":
        assert value[1] in ("Arn", "Id")
        return str(value[0])
    assert kind == "Fn::Sub", resource
    if value in _NAMES:
        return _NAMES[value]
    owner, _, folder = value.removeprefix("${").partition(".Arn}/")
    assert owner in RESOURCES, value
    assert "*" not in folder.removesuffix("/*"), value
    assert folder != "*", value
    return f"{owner}/{folder}"


def secrets_named(value: Any) -> set[str]:
    """The secrets that a value of the template names, by their ARN: what `Ref` gives differs in
    the emulator."""
    words = json.dumps(value)
    names = loading.of_type(TEMPLATE, "AWS::SecretsManager::Secret")
    return {name for name in names if f'["{name}", "Id"]' in words or f"${{{name}.Id}}" in words}
