"""The template deploys, and the artifact is complete by itself."""

import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.e2e.stack import Stack
from tests.template import loading

pytestmark = pytest.mark.emulator


def test_the_stack_stands(stack: Stack) -> None:
    assert stack.status == "CREATE_COMPLETE"
    assert set(stack.outputs) >= {
        "WebSocketUrl",
        "HttpUrl",
        "TableName",
        "BucketName",
        "QueueUrl",
        "ServiceTokenSecretArn",
    }


def test_the_service_token_is_generated(stack: Stack) -> None:
    assert len(stack.token) == 48


def test_the_table_has_its_indexes(stack: Stack) -> None:
    client = stack.emulator.client("dynamodb")
    table = client.describe_table(TableName=stack.outputs["TableName"])["Table"]
    assert {each["IndexName"] for each in table["GlobalSecondaryIndexes"]} == {"due", "owned"}


def test_a_failed_wake_ends_in_the_dead_letters(stack: Stack) -> None:
    queue = stack.emulator.client("sqs").get_queue_attributes(
        QueueUrl=stack.outputs["QueueUrl"], AttributeNames=["All"]
    )["Attributes"]
    assert '"maxReceiveCount"' in queue["RedrivePolicy"].replace(" ", "")
    worker = loading.functions(loading.load())["Worker"]
    assert int(queue["VisibilityTimeout"]) > worker["Timeout"]


IMPORT_ALL = """
import importlib, importlib.util, pkgutil, sys
sys.path.insert(0, sys.argv[1])
import shared
local = ("shared.cli", "shared.local")
for module in pkgutil.walk_packages(shared.__path__, "shared.", onerror=lambda _: None):
    if not module.name.startswith(local):
        importlib.import_module(module.name)
for handler in sys.argv[2:]:
    assert importlib.util.find_spec(handler), handler
"""


def test_the_artifact_holds_all_that_its_code_imports(
    artifact: Path, environment: Path, tmp_path: Path
) -> None:
    """Without site-packages: the emulator's own boto3 and pydantic would hide a missing one."""
    with zipfile.ZipFile(artifact) as archive:
        archive.extractall(tmp_path)
    functions = loading.functions(loading.load()).values()
    handlers = [each["Handler"].rpartition(".")[0] for each in functions]
    ran = subprocess.run(
        [environment / "bin" / "python", "-I", "-S", "-c", IMPORT_ALL, str(tmp_path), *handlers],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
