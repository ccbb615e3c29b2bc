"""Each function may do what it must, and nothing else."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.template import loading

TEMPLATE = loading.load()
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
FUNCTIONS = loading.functions(TEMPLATE)

TABLE = {"Fn::GetAtt": ["Table", "Arn"]}
ITEMS = {"GetItem", "BatchGetItem", "PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem"}
TABLE_ACTIONS = {
    "WsConnect": ITEMS,
    "SendMessage": ITEMS | {"Query"},
    "Worker": ITEMS | {"Query"},
    "Sweep": set[str](),
    "Executor": ITEMS | {"Query"},
}
INDEXES = {"SendMessage": ["owned"], "Sweep": ["due"], "Executor": ["due", "owned"]}
SECRETS = {
    "Worker": {"SIGNING_SECRET", "ANTHROPIC_API_KEY"},
    "Executor": {"SERVICE_TOKEN", "SIGNING_SECRET"},
}
OTHERS = {
    "WsConnect": set[str](),
    "SendMessage": {"sqs:SendMessage", "execute-api:ManageConnections", "s3:GetObject"}
    | {"s3:PutObject"},
    "Worker": {"sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage"}
    | {"sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes", "execute-api:ManageConnections"}
    | {"s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"}
    | {"lambda:InvokeFunction", "bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"},
    "Sweep": {"sqs:SendMessage"},
    "Executor": {"sqs:SendMessage"}
    | {"s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"},
}


OWN = "${AWS::Region}:${AWS::AccountId}"
OPEN = {
    "${Bucket.Arn}/*",
    "${Bucket.Arn}/spill/*",
    f"arn:${{AWS::Partition}}:execute-api:{OWN}:${{WebSocketApi}}/prod/*/@connections/*",
    f"arn:${{AWS::Partition}}:secretsmanager:{OWN}:secret:parley/*",
    # A profile calls its models in the regions that it chooses.
    "arn:${AWS::Partition}:bedrock:*::foundation-model/anthropic.*",
    f"arn:${{AWS::Partition}}:bedrock:{OWN}:inference-profile/*",
    f"arn:${{AWS::Partition}}:bedrock:{OWN}:application-inference-profile/*",
}
"""All that a star may stand for."""


def statements(function: str) -> Iterator[tuple[set[str], list[Any]]]:
    """What the function's role allows: actions and resources."""
    [role, _] = FUNCTIONS[function]["Role"]["Fn::GetAtt"]
    properties = RESOURCES[role]["Properties"]
    assert "ManagedPolicyArns" not in properties
    for policy in properties["Policies"]:
        for each in policy["PolicyDocument"]["Statement"]:
            statement = each["Fn::If"][1] if "Fn::If" in each else each
            assert statement["Effect"] == "Allow"
            actions, resources = statement["Action"], statement["Resource"]
            yield (
                {actions} if isinstance(actions, str) else set(actions),
                resources if isinstance(resources, list) else [resources],
            )


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_what_it_may_do_with_the_table(function: str) -> None:
    on_table = [acts for acts, resources in statements(function) if TABLE in resources]
    allowed = set[str]().union(*on_table)
    assert allowed == {f"dynamodb:{name}" for name in TABLE_ACTIONS[function]}

    on_indexes = [
        (acts, resources)
        for acts, resources in statements(function)
        if any(act.startswith("dynamodb:") for act in acts) and TABLE not in resources
    ]
    expected = [{"Fn::Sub": f"${{Table.Arn}}/index/{name}"} for name in INDEXES.get(function, [])]
    assert on_indexes == ([({"dynamodb:Query"}, expected)] if expected else [])


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_what_else_it_may_do(function: str) -> None:
    allowed = set[str]().union(*(actions for actions, _ in statements(function)))
    known = ("dynamodb:", "logs:", "secretsmanager:")
    assert {each for each in allowed if not each.startswith(known)} == OTHERS[function]


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_nothing_is_open(function: str) -> None:
    for actions, resources in statements(function):
        assert not any("*" in action for action in actions)
        for resource in resources:
            if "*" in json.dumps(resource):
                assert resource["Fn::Sub"] in OPEN, (actions, resource)


def conditional(name: str) -> dict[str, Any]:
    """The statement of the worker's role that only this condition puts there."""
    [policy] = RESOURCES["WorkerRole"]["Properties"]["Policies"]
    found = [each["Fn::If"] for each in policy["PolicyDocument"]["Statement"] if "Fn::If" in each]
    [(yes, no)] = [branches for condition, *branches in found if condition == name]
    assert no == {"Ref": "AWS::NoValue"}
    statement: dict[str, Any] = yes
    return statement


def test_the_worker_invokes_only_the_functions_that_the_deployment_names() -> None:
    assert conditional("HasToolFunctions")["Resource"] == {"Ref": "ToolFunctionArns"}
    parameter = TEMPLATE["Parameters"]["ToolFunctionArns"]
    assert (parameter["Type"], parameter["Default"]) == ("CommaDelimitedList", "")


def test_the_worker_calls_bedrock_only_where_that_is_the_provider() -> None:
    assert conditional("UsesBedrock")["Action"] == [
        "bedrock:InvokeModel",
        "bedrock:InvokeModelWithResponseStream",
    ]
    assert TEMPLATE["Conditions"]["UsesBedrock"] == {
        "Fn::Equals": [{"Ref": "ModelProvider"}, "bedrock"]
    }


def test_only_the_worker_reads_the_secrets_of_tools() -> None:
    readers = {
        function
        for function in FUNCTIONS
        for _, resources in statements(function)
        if "secret:parley/*" in json.dumps(resources)
    }
    assert readers == {"Worker"}


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_it_reads_the_secrets_that_it_is_told_of(function: str) -> None:
    environment = FUNCTIONS[function].get("Environment", {}).get("Variables", {})
    assert set(environment) == SECRETS.get(function, set())
    named = {secret for value in environment.values() for secret in references(value)}
    allowed = {
        secret
        for actions, resources in statements(function)
        if "secretsmanager:GetSecretValue" in actions
        for resource in resources
        for secret in references(resource)
    }
    assert named == allowed


def references(value: Any) -> set[str]:
    """The secrets that a value names, by their ARN: what `Ref` gives differs in the emulator."""
    secrets = loading.of_type(TEMPLATE, "AWS::SecretsManager::Secret")
    words = json.dumps(value)
    return {name for name in secrets if f'["{name}", "Id"]' in words or f"${{{name}.Id}}" in words}


def test_nothing_of_a_secret_is_in_the_environment() -> None:
    for function in FUNCTIONS:
        environment = FUNCTIONS[function].get("Environment", {}).get("Variables", {})
        for value in environment.values():
            assert '"secretsmanager:${' in json.dumps(value)
