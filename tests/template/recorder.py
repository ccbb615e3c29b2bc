"""What functions ask of AWS, heard from botocore, as the permissions that AWS wants for it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.template.policies import (
    CONNECTIONS,
    COPIES,
    MAIL,
    TOOL_FUNCTIONS,
    TOOL_SECRETS,
    Permission,
)

_INSIDE = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}
"""A transaction needs the permissions of what is in it, and none of its own."""

_SAME = {"SendMessageBatch": "SendMessage"}
"""Operations that another one's permission covers."""


class Recorder:
    """Notes the permissions that each function would have needed."""

    def __init__(self) -> None:
        self.needed: dict[str, set[Permission]] = {}
        self._secrets: dict[str, str] = {}
        self._running: str | None = None

    def name_secrets(self, arns: Mapping[str, str]) -> None:
        """These secrets, by their names in the template, will be asked for by their ARNs."""
        self._secrets |= {arn: name for name, arn in arns.items()}

    @contextmanager
    def running(self, function: str) -> Iterator[None]:
        """Whatever is asked meanwhile, by any thread, is this function's doing."""
        assert self._running is None
        self._running = function
        try:
            yield
        finally:
            self._running = None

    def listen(self, session: Any) -> None:
        """Hear all clients that this boto3 session makes from now on."""
        session.events.register("provide-client-params.*.*", self._asked)

    def _asked(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        assert self._running is not None, f"{model.name} outside of a function"
        found = self.needed.setdefault(self._running, set())
        found.update(self._permissions(model.service_model.signing_name, model.name, params))

    def _permissions(
        self, service: str, operation: str, params: Mapping[str, Any]
    ) -> Iterator[Permission]:
        match service:
            case "dynamodb" if "TransactItems" in params:
                for entry in params["TransactItems"]:
                    for kind, asked in entry.items():
                        yield f"dynamodb:{_INSIDE[kind]}", _place(kind, asked)
            case "dynamodb" if operation == "DeleteItem":
                yield f"dynamodb:{operation}", _place("Delete", params)
            case "dynamodb":
                index = params.get("IndexName")
                yield f"dynamodb:{operation}", f"Table/index/{index}" if index else "Table"
            case "s3" if "Key" in params:
                folder = params["Key"].partition("/")[0]
                yield f"s3:{operation}", f"Bucket/{folder}/*"
            case "s3" if operation == "ListObjectsV2":
                yield "s3:ListBucket", "Bucket"
            case "sqs":
                yield f"sqs:{_SAME.get(operation, operation)}", "Queue"
            case "execute-api":
                yield "execute-api:ManageConnections", CONNECTIONS
            case "secretsmanager":
                yield f"secretsmanager:{operation}", self._secret(params["SecretId"])
            case "lambda":
                yield f"lambda:{operation}Function", TOOL_FUNCTIONS
            case "ses":
                yield from ((f"ses:{operation}", each) for each in MAIL)
            case _:
                raise AssertionError(f"what does {service}:{operation} need?")

    def _secret(self, named: str) -> str:
        return TOOL_SECRETS if named.startswith("parley/") else self._secrets[named]


def _place(kind: str, asked: Mapping[str, Any]) -> str:
    """What is written to: what may be deleted depends on the partition."""
    copies = kind == "Delete" and asked["Key"]["pk"]["S"].startswith("AGENT#")
    return COPIES if copies else "Table"
