"""What `sam build && sam deploy` does, against the emulator: artifact, upload, stack."""

import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.emulator import Emulator
from tests.e2e.packaging import packaged
from tests.template import loading

BUCKET = "artifacts"
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
    name: str
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

    def resource(self, name: str) -> str:
        """What AWS calls a resource, by what the template calls it."""
        described = self.emulator.client("cloudformation").describe_stack_resource(
            StackName=self.name, LogicalResourceId=name
        )
        found: str = described["StackResourceDetail"]["PhysicalResourceId"]
        return found

    def restart(self, *resources: str) -> None:
        """Replace the processes of these functions, as a deployment does."""
        functions = self.emulator.client("lambda")
        for resource in resources:
            name = self.resource(resource)
            described = functions.get_function_configuration(FunctionName=name)
            variables = described["Environment"]["Variables"] | {"DEPLOYED": "again"}
            functions.update_function_configuration(
                FunctionName=name, Environment={"Variables": variables}
            )


def upload(emulator: Emulator, artifact: Path) -> str:
    """Put the artifact where stacks take it from; its key there."""
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.upload_file(str(artifact), BUCKET, artifact.name)
    return artifact.name


def deploy(emulator: Emulator, key: str, name: str, parameters: Mapping[str, str]) -> Stack:
    """Create the stack from the artifact under that key, wait until it stands."""
    cloudformation = emulator.client("cloudformation")
    # As SAM does it: a template of more than 51,200 bytes cannot stand in the request.
    s3, template = emulator.client("s3"), f"{name}.json"
    s3.put_object(Bucket=BUCKET, Key=template, Body=packaged(BUCKET, key, parameters).encode())
    cloudformation.create_stack(
        StackName=name,
        TemplateURL=f"{emulator.url}/{BUCKET}/{template}",
        Parameters=[
            {"ParameterKey": parameter, "ParameterValue": value}
            for parameter, value in parameters.items()
        ],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    described = _settled(cloudformation, name)
    outputs = {each["OutputKey"]: each["OutputValue"] for each in described.get("Outputs", [])}
    status: str = described["StackStatus"]
    if status != "CREATE_COMPLETE":
        raise AssertionError(f"{status}\n{_reasons(cloudformation, name)}\n{emulator.last_words()}")
    return Stack(emulator, name, status, outputs)


def _settled(cloudformation: Any, name: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        described: dict[str, Any] = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        if not described["StackStatus"].endswith("IN_PROGRESS"):
            return described
        time.sleep(0.2)
    raise AssertionError(f"the stack did not settle: {described['StackStatus']}")


def _reasons(cloudformation: Any, name: str) -> str:
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    return "\n".join(
        f"{event['LogicalResourceId']}: {event['ResourceStatusReason']}"
        for event in events
        if event.get("ResourceStatusReason")
    )
