"""template.yaml says what the code relies on."""

import re
from typing import Any

import pytest

from shared.storage.table import DUE, OWNED, Index
from tests.template import loading

TEMPLATE = loading.load()
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
FUNCTIONS = loading.functions(TEMPLATE)
TABLE = RESOURCES["Table"]["Properties"]


def variables(function: str) -> dict[str, Any]:
    """The environment of a function, the common part included."""
    common = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    own = FUNCTIONS[function].get("Environment", {}).get("Variables", {})
    return {**common, **own}


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_every_function_has_its_handler_and_its_build_target(function: str) -> None:
    module, _, name = FUNCTIONS[function]["Handler"].rpartition(".")
    source = (loading.ROOT / module.replace(".", "/")).with_suffix(".py")
    assert re.search(rf"^(def )?{name}\b", source.read_text("utf-8"), re.MULTILINE)

    assert RESOURCES[function]["Metadata"] == {"BuildMethod": "makefile"}
    makefile = (loading.ROOT / "Makefile").read_text("utf-8")
    assert re.search(rf"^(build-\w+ )*build-{function}[ :]", makefile, re.MULTILINE)


def test_all_functions_come_from_one_artifact_for_the_deployed_python() -> None:
    common = TEMPLATE["Globals"]["Function"]
    assert common["CodeUri"] == "."
    assert not any("CodeUri" in properties for properties in FUNCTIONS.values())
    assert TEMPLATE["Parameters"]["Runtime"]["Default"] == "python3.13"
    assert TEMPLATE["Parameters"]["Architecture"]["Default"] == "arm64"


def test_a_deployment_asks_for_credentials() -> None:
    mode = TEMPLATE["Parameters"]["AuthMode"]
    assert mode["Default"] == "token"
    assert mode["AllowedValues"] == ["token", "jwt"]
    assert all(variables(each)["AUTH_MODE"] == {"Ref": "AuthMode"} for each in FUNCTIONS)
    for secret in ("ServiceToken", "SigningSecret", "AuthContextSecret"):
        assert RESOURCES[secret]["Properties"]["GenerateSecretString"]["PasswordLength"] >= 32
    for name in ("AnthropicApiKey", "AuthJwtSecret", "BackendToken"):
        assert TEMPLATE["Parameters"][name]["NoEcho"] is True


def test_every_parameter_has_its_place_in_the_console() -> None:
    groups = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    grouped = [name for group in groups for name in group["Parameters"]]
    assert sorted(grouped) == sorted(TEMPLATE["Parameters"])


def test_what_callers_need_is_told() -> None:
    outputs = TEMPLATE["Outputs"]
    for output, secret in {
        "ServiceTokenSecretArn": "ServiceToken",
        "AuthContextSecretArn": "AuthContextSecret",
    }.items():
        assert outputs[output]["Value"] == {"Fn::GetAtt": [secret, "Id"]}


def test_the_table_has_the_keys_and_indexes_of_the_port() -> None:
    assert keys(TABLE) == [("pk", "HASH"), ("sk", "RANGE")]
    assert kinds() == {
        "pk": "S",
        "sk": "S",
        DUE.hash: "N",
        DUE.range: "N",
        OWNED.hash: "S",
        OWNED.range: "N",
    }
    assert TABLE["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}


@pytest.mark.parametrize(
    ("index", "projection"),
    [
        (DUE, {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["until"]}),
        (OWNED, {"ProjectionType": "KEYS_ONLY"}),
    ],
)
def test_an_index_is_as_the_port_names_it(index: Index, projection: dict[str, Any]) -> None:
    [found] = [each for each in TABLE["GlobalSecondaryIndexes"] if each["IndexName"] == index.name]
    assert keys(found) == [(index.hash, "HASH"), (index.range, "RANGE")]
    assert found["Projection"] == projection


def keys(properties: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["AttributeName"], each["KeyType"]) for each in properties["KeySchema"]]


def kinds() -> dict[str, str]:
    return {each["AttributeName"]: each["AttributeType"] for each in TABLE["AttributeDefinitions"]}


@pytest.mark.parametrize("name", ["Table", "Bucket"])
def test_state_outlives_the_stack(name: str) -> None:
    assert RESOURCES[name]["DeletionPolicy"] == "Retain"
    assert RESOURCES[name]["UpdateReplacePolicy"] == "Retain"


def test_state_is_encrypted_and_can_be_restored() -> None:
    assert TABLE["SSESpecification"]["SSEEnabled"] is True
    assert TABLE["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    bucket = RESOURCES["Bucket"]["Properties"]
    assert "BucketEncryption" in bucket
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    for queue in loading.of_type(TEMPLATE, "AWS::SQS::Queue").values():
        assert queue["SqsManagedSseEnabled"] is True


def test_bucket_and_queues_are_reached_over_tls_only() -> None:
    policies = [
        *loading.of_type(TEMPLATE, "AWS::S3::BucketPolicy").values(),
        *loading.of_type(TEMPLATE, "AWS::SQS::QueuePolicy").values(),
    ]
    assert len(policies) == 3
    for policy in policies:
        [deny] = policy["PolicyDocument"]["Statement"]
        assert deny["Effect"] == "Deny"
        assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_a_wake_is_not_seen_again_while_its_worker_runs() -> None:
    queue = RESOURCES["Queue"]["Properties"]
    assert "FifoQueue" not in queue
    assert queue["VisibilityTimeout"] >= FUNCTIONS["Worker"]["Timeout"]
    assert queue["RedrivePolicy"]["maxReceiveCount"] == 3
    wake = FUNCTIONS["Worker"]["Events"]["Wake"]["Properties"]
    assert wake["BatchSize"] == 1
    assert wake["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_a_long_turn_is_not_taken_for_a_loop() -> None:
    """The worker wakes itself more often than Lambda's loop detection allows."""
    assert FUNCTIONS["Worker"]["RecursiveLoop"] == "Allow"


def test_every_function_keeps_its_logs_for_a_while() -> None:
    groups = loading.of_type(TEMPLATE, "AWS::Logs::LogGroup")
    for function, properties in FUNCTIONS.items():
        assert properties["LoggingConfig"] == {"LogGroup": {"Ref": f"{function}Logs"}}
        assert groups[f"{function}Logs"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_every_function_has_an_alarm_on_errors() -> None:
    alarms = loading.of_type(TEMPLATE, "AWS::CloudWatch::Alarm").values()
    watched = [each["Dimensions"][0]["Value"] for each in alarms if each["MetricName"] == "Errors"]
    assert watched == [{"Ref": function} for function in FUNCTIONS]
    assert {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"} <= {
        each["MetricName"] for each in alarms
    }


def test_whatever_is_given_up_is_counted_and_has_an_alarm() -> None:
    counted = RESOURCES["GivenUpFilter"]["Properties"]
    assert counted["LogGroupName"] == {"Ref": "WorkerLogs"}
    said = re.findall(r'"([^"]+)"', counted["FilterPattern"])
    sources = (loading.ROOT / "shared").rglob("*.py")
    written = [
        re.findall(r'"([\w ]+ is a dead letter)"', each.read_text("utf-8")) for each in sources
    ]
    assert set(said) == {sentence for sentences in written for sentence in sentences}
    either = " || ".join(f'($.message = "{sentence}")' for sentence in said)
    assert counted["FilterPattern"] == f"{{ {either} }}"

    [metric] = counted["MetricTransformations"]
    alarm = RESOURCES["GivenUpAlarm"]["Properties"]
    assert (
        alarm["Namespace"] == metric["MetricNamespace"] == {"Fn::Sub": "Parley/${AWS::StackName}"}
    )
    assert (alarm["MetricName"], alarm["Statistic"]) == (metric["MetricName"], "Sum")
