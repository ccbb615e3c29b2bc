"""boto3 clients: one session for a process, made when first needed. Adapters get them from here.

Only the wiring imports this module.
"""

from functools import cache
from threading import Lock
from typing import Any

import boto3

from shared.storage.dynamodb import client_config

_making = Lock()
"""Clients may be used by many threads, but a session makes one at a time."""


@cache
def _session() -> Any:
    return boto3.session.Session()


@cache
def client(service: str) -> Any:
    """A client that fails fast and does not retry by itself: the core retries."""
    with _making:
        return _session().client(service, config=client_config())


@cache
def connections_client(endpoint: str, *, local: bool) -> Any:
    """A client for the connection API of one stage. The local one asks for no credentials, but
    boto3 wants some."""
    from shared.messaging.connection_api import client_config as connections_config

    keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local"} if local else {}
    region = {"region_name": "us-east-1"} if local else {}
    with _making:
        return _session().client(
            "apigatewaymanagementapi",
            endpoint_url=endpoint,
            config=connections_config(),
            **keys,
            **region,
        )


@cache
def functions_client() -> Any:
    """A client for invoking functions, however long they take."""
    from shared.messaging.lambda_functions import client_config as functions_config

    with _making:
        return _session().client("lambda", config=functions_config())


@cache
def mail_client() -> Any:
    """A client for sending mail, which tries again by itself."""
    from shared.messaging.ses_mail import client_config as mail_config

    with _making:
        return _session().client("sesv2", config=mail_config())


@cache
def retrieval_client() -> Any:
    """A client for searching knowledge bases, while somebody waits."""
    from shared.knowledge.bedrock import client_config as retrieval_config

    with _making:
        return _session().client("bedrock-agent-runtime", config=retrieval_config())


def secret(name: str) -> str:
    """The text of a secret in Secrets Manager, by its ARN or its name."""
    return str(client("secretsmanager").get_secret_value(SecretId=name)["SecretString"])
