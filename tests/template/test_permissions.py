"""Each function may do what its code does, and nothing else.

Three sources are compared: what the roles allow, what the functions asked for when they ran
through `story.py`, and what their code could ask for (`reach.py`). Whatever differs stands in a
table here with its reason; an entry that has become untrue fails too.
"""

import configparser
import os
from collections.abc import Mapping
from functools import cache
from unittest.mock import patch

import boto3
import pytest

from shared.settings import Settings
from shared.wiring import Deployment
from tests.support.aws import moto_server
from tests.template import loading, policies, reach
from tests.template.in_process import HANDLERS, cold
from tests.template.life import WAYS, life
from tests.template.policies import Permission
from tests.template.reach import Reach
from tests.template.recorder import Recorder
from tests.template.story import live
from tests.template.variables import TEMPLATE, declared, environment, own

FUNCTIONS = sorted(loading.functions(TEMPLATE))

BEDROCK = "Bedrock is asked without boto3, and only where it is the provider"
KNOWLEDGE = "the agents of the story have nothing to look up"
POLLING = "Lambda reads the queue for the worker, with the worker's role"
DAEMON = "X-Ray's daemon does, beside the function and with its role"
NOT_SEEN: Mapping[str, Mapping[str, str]] = {
    "Worker": {
        "sqs:ReceiveMessage": POLLING,
        "sqs:DeleteMessage": POLLING,
        "sqs:GetQueueAttributes": POLLING,
        "bedrock:InvokeModelWithResponseStream": BEDROCK,
        "s3:ListBucket": KNOWLEDGE,
        "s3:GetObject": KNOWLEDGE,
        "bedrock:Retrieve": KNOWLEDGE,
        "xray:PutTraceSegments": DAEMON,
        "xray:PutTelemetryRecords": DAEMON,
    },
    "Executor": {"s3:PutObject": "the story brings nothing that is larger than an item"},
}
"""What a role allows although its function was not seen to ask for it. Logs are not here: Lambda
writes those of every function, with its role."""

SMALL = "nothing that is written there can grow so large that it spills"
DICTIONARIES = "what it gets from are dictionaries; an index has no bodies"
NOT_ALLOWED: Mapping[str, Mapping[str, str]] = {
    "WsConnect": {
        "dynamodb:BatchGetItem": "it reads one item at a time",
        "s3:GetObject": SMALL,
        "s3:PutObject": SMALL,
    },
    "SendMessage": {"s3:PutObject": SMALL},
    "Executor": {"dynamodb:ConditionCheckItem": "nobody comes back to a conversation over HTTP"},
    "Sweep": {
        "dynamodb:GetItem": DICTIONARIES,
        "dynamodb:BatchGetItem": DICTIONARIES,
        "s3:GetObject": DICTIONARIES,
    },
}
"""What names in the code could mean, and never do. The story has messages of the largest size."""

WITHOUT_CALLS = {"shared.storage.dynamodb_errors", "shared.models.bedrock"}
"""Modules that import botocore and ask AWS nothing through it."""


@pytest.fixture(scope="session")
def needed(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, set[Permission]]:
    """What each function asked for, in every way in which callers can be told apart."""
    recorder = Recorder()
    with moto_server() as endpoint:
        for way in WAYS:
            folder = tmp_path_factory.mktemp("agents") / "agents"
            with cold(recorder), life(endpoint, folder, recorder, way) as deployed:
                live(deployed)
    return recorder.needed


@cache
def possible(function: str) -> set[str]:
    """The actions that the function's code can come to. Secrets are left to the settings, but
    for those of tools."""
    chosen = {"AnthropicApiKey": "given", "TitleModel": "m", "ModelRatePerMinute": "1"}
    chosen |= {"AuthMode": "jwt", "AuthJwtSecret": "given", "OtpSender": "codes@example.com"}
    chosen |= {"BackendUrl": "https://product.example.com", "BackendToken": "given"}
    variables = environment(function, None, **chosen)
    settings = Settings.load(variables, secrets=lambda _: "s" * 48)
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    with patch.dict(os.environ, {"AWS_DEFAULT_REGION": "us-east-1", **keys}):
        return Reach(Deployment(settings), HANDLERS[function]).actions()


def actions(permissions: set[Permission]) -> set[str]:
    return {action for action, _ in permissions if action != "secretsmanager:GetSecretValue"}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_it_may_do_what_it_does(function: str, needed: Mapping[str, set[Permission]]) -> None:
    assert needed[function] - policies.allowed(function) == set()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_it_may_do_nothing_else(function: str, needed: Mapping[str, set[Permission]]) -> None:
    unseen = policies.allowed(function) - needed[function]
    logs = {(f"logs:{name}", f"{function}Logs") for name in ("CreateLogStream", "PutLogEvents")}
    assert logs <= unseen
    assert {action for action, _ in unseen - logs} == set(NOT_SEEN.get(function, ()))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_its_code_can_come_to_is_allowed(function: str) -> None:
    lacking = possible(function) - {action for action, _ in policies.allowed(function)}
    assert lacking == set(NOT_ALLOWED.get(function, ()))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_it_was_seen_to_do_can_be_read_off_its_code(
    function: str, needed: Mapping[str, set[Permission]]
) -> None:
    assert actions(needed[function]) - possible(function) == set()


def test_every_module_that_asks_aws_is_known() -> None:
    config = configparser.ConfigParser()
    config.read(loading.ROOT / ".importlinter")
    imports = config["importlinter:contract:drivers"]["ignore_imports"].split("\n")
    pairs = [line.split(" -> ") for line in imports if line]
    asking = {module for module, driver in pairs if driver in ("boto3", "botocore")}
    assert asking == set(reach.SERVICES) | WITHOUT_CALLS


@pytest.mark.parametrize("module", reach.SERVICES)
def test_every_operation_of_such_a_module_is_known(module: str) -> None:
    service = reach.SERVICES[module]
    made = boto3.session.Session().client(
        service, "us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    known = set(made.meta.method_to_api_mapping)
    made.close()
    assert reach.unknown_operations(module, known) == set()


def test_tools_call_only_the_functions_that_the_deployment_names() -> None:
    [statement] = conditional("Worker", "HasToolFunctions")
    assert statement == {("lambda:InvokeFunction", policies.TOOL_FUNCTIONS)}
    parameter = TEMPLATE["Parameters"]["ToolFunctionArns"]
    assert (parameter["Type"], parameter["Default"]) == ("CommaDelimitedList", "")


def test_bedrock_is_called_only_where_it_is_the_provider() -> None:
    [statement] = conditional("Worker", "UsesBedrock")
    asked = {each for each in policies.allowed("Worker") if "bedrock" in each[0]}
    assert statement == asked - {("bedrock:Retrieve", "KnowledgeBaseArns")}
    assert TEMPLATE["Conditions"]["UsesBedrock"] == {
        "Fn::Equals": [{"Ref": "ModelProvider"}, "bedrock"]
    }


@pytest.mark.parametrize(
    ("condition", "action", "parameter"),
    [
        ("HasKnowledgeBuckets", "s3:ListBucket", "KnowledgeBucketArns"),
        ("HasKnowledgeObjects", "s3:GetObject", "KnowledgeObjectArns"),
        ("HasKnowledgeBases", "bedrock:Retrieve", "KnowledgeBaseArns"),
    ],
)
def test_only_the_named_places_are_looked_up(condition: str, action: str, parameter: str) -> None:
    assert conditional("Worker", condition) == [{(action, parameter)}]
    declared = TEMPLATE["Parameters"][parameter]
    assert (declared["Type"], declared["Default"]) == ("CommaDelimitedList", "")
    assert all(not conditional(each, condition) for each in FUNCTIONS if each != "Worker")


def test_mail_is_sent_only_where_there_is_a_sender_and_only_from_it() -> None:
    [statement] = [
        each for each in policies.statements("Worker") if each.condition == "HasOtpSender"
    ]
    assert statement.permissions == {("ses:SendEmail", each) for each in policies.MAIL}
    assert statement.only == {"StringEquals": {"ses:FromAddress": {"Ref": "OtpSender"}}}
    assert TEMPLATE["Conditions"]["HasOtpSender"] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "OtpSender"}, ""]}]
    }
    assert TEMPLATE["Parameters"]["OtpSender"]["Default"] == ""


def test_traces_are_sent_only_where_they_are_asked_for() -> None:
    [statement] = conditional("Worker", "Traced")
    assert {action for action, _ in statement} == {
        "xray:PutTraceSegments",
        "xray:PutTelemetryRecords",
    }
    assert TEMPLATE["Conditions"]["Traced"] == {"Fn::Equals": [{"Ref": "Tracing"}, "true"]}
    assert TEMPLATE["Parameters"]["Tracing"]["Default"] == "false"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_copies_of_configurations_are_deleted_only_where_there_is_a_backend(function: str) -> None:
    found = conditional(function, "HasBackend")
    told = "BACKEND_URL" in own(function)
    assert found == ([{("dynamodb:DeleteItem", policies.COPIES)}] if told else [])
    assert told is (function in {"SendMessage", "Worker", "Executor"})


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_other_function_sends_mail_and_no_other_statement_has_conditions(function: str) -> None:
    assert ("OTP_SENDER" in own(function)) is (function == "Worker")
    for statement in policies.statements(function):
        mail, copies = (statement.condition == each for each in ("HasOtpSender", "HasBackend"))
        assert bool(statement.only) is (mail or copies)
        assert not copies or statement.only == policies.ONLY_COPIES


def conditional(function: str, condition: str) -> list[set[Permission]]:
    """What the role allows only if this holds."""
    found = policies.statements(function)
    return [set(each.permissions) for each in found if each.condition == condition]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_it_reads_the_secrets_that_it_is_told_of(function: str) -> None:
    told = {name for value in declared(function).values() for name in policies.secrets_named(value)}
    read = {
        name
        for action, name in policies.allowed(function)
        if action == "secretsmanager:GetSecretValue"
    }
    assert read - {policies.TOOL_SECRETS} == told


def test_every_secret_has_its_readers() -> None:
    readers = {
        name: {each for each in FUNCTIONS if name in policies.secrets_named(own(each))}
        for name in loading.of_type(TEMPLATE, "AWS::SecretsManager::Secret")
    }
    assert readers == {
        "ServiceToken": {"Executor"},
        "SigningSecret": {"Executor", "Worker"},
        "AuthContextSecret": {"SendMessage", "Worker"},
        "JwtSecret": {"WsConnect", "SendMessage", "Executor"},
        "AnthropicApiKeySecret": {"Worker"},
        "BackendTokenSecret": {"SendMessage", "Worker", "Executor"},
    }


def test_no_secret_is_in_the_environment() -> None:
    hidden = {name for name, each in TEMPLATE["Parameters"].items() if each.get("NoEcho")}
    assert hidden == {"AnthropicApiKey", "AuthJwtSecret", "BackendToken"}
    for function in FUNCTIONS:
        chosen = dict.fromkeys(hidden, "the-secret-itself")
        assert "the-secret-itself" not in environment(function, None, **chosen).values()
