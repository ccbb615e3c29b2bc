"""What `sam build && sam deploy` does, against the emulator: artifact, upload, stack."""

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.emulator import Emulator
from tests.e2e.packaging import packaged
from tests.template import loading

STACK = "parley-e2e"
PATIENCE = 180.0


def build(environment: Path) -> Path:
    """The artifact for this host and the emulator's interpreter, as a zip."""
    made = subprocess.run(
        [environment.absolute() / "bin" / "python", "-m", "scripts.build", "--host", "--zip"],
        cwd=loading.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    return Path(made.stdout.strip())


@dataclass(frozen=True)
class Stack:
    """A deployed stack and how to reach it."""

    emulator: Emulator
    status: str
    outputs: dict[str, str]

    @property
    def http_url(self) -> str:
        return f"{self.emulator.url}/_aws/execute-api/{self.outputs['HttpApiId']}/$default"

    @property
    def websocket_url(self) -> str:
        address = self.emulator.url.replace("http://", "ws://", 1)
        return f"{address}/_aws/execute-api/{self.outputs['WebSocketApiId']}/prod"

    @property
    def token(self) -> str:
        secrets = self.emulator.client("secretsmanager")
        arn = self.outputs["ServiceTokenSecretArn"]
        value: str = secrets.get_secret_value(SecretId=arn)["SecretString"]
        return value


def deploy(emulator: Emulator, artifact: Path, parameters: dict[str, str]) -> Stack:
    """Upload, create the stack, wait until it stands."""
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket="artifacts")
    s3.upload_file(str(artifact), "artifacts", artifact.name)
    cloudformation = emulator.client("cloudformation")
    cloudformation.create_stack(
        StackName=STACK,
        TemplateBody=packaged("artifacts", artifact.name),
        Parameters=[
            {"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()
        ],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    described = _settled(cloudformation)
    outputs = {each["OutputKey"]: each["OutputValue"] for each in described.get("Outputs", [])}
    status: str = described["StackStatus"]
    if status != "CREATE_COMPLETE":
        raise AssertionError(f"{status}\n{_reasons(cloudformation)}\n{emulator.last_words()}")
    return Stack(emulator, status, outputs)


def _settled(cloudformation: Any) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        described: dict[str, Any] = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
        if not described["StackStatus"].endswith("IN_PROGRESS"):
            return described
        time.sleep(0.2)
    raise AssertionError(f"the stack did not settle: {described['StackStatus']}")


def _reasons(cloudformation: Any) -> str:
    events = cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
    return "\n".join(
        f"{event['LogicalResourceId']}: {event['ResourceStatusReason']}"
        for event in events
        if event.get("ResourceStatusReason")
    )
