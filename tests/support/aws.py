"""A server that speaks like AWS, inside this process, and clients for it and its like."""

import logging
import threading
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

from shared.storage.dynamodb import client_config

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

REGION = "eu-central-1"
HOST = "127.0.0.1"

# A busy machine may be slow to answer; a time-out would look like a lost answer.
_PATIENT = Config(read_timeout=60, connect_timeout=30)


class _OneAtATime:
    """Lets one DynamoDB request at a time through to moto, whose transactions mix otherwise."""

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app
        self._turn = threading.Lock()

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        if not environ.get("HTTP_X_AMZ_TARGET", "").startswith("DynamoDB_"):
            return self._app(environ, start_response)
        with self._turn:
            return self._app(environ, start_response)


@contextmanager
def moto_server() -> Iterator[str]:
    """The address of a running moto server; it stops at the end."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app = _OneAtATime(DomainDispatcherApplication(create_backend_app))
    server = make_server(HOST, 0, app, threaded=True, request_handler=MotoRequestHandler)
    thread = threading.Thread(target=server.serve_forever, name="moto", daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def client(service: str, endpoint: str) -> Iterator[Any]:
    """A boto3 client of the server at `endpoint`; DynamoDB's is made as the adapter asks."""
    config = client_config().merge(_PATIENT) if service == "dynamodb" else _PATIENT
    made = boto3.client(
        service,
        region_name=REGION,
        endpoint_url=endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=config.merge(Config(s3={"addressing_style": "path"})),
    )
    try:
        yield made
    finally:
        made.close()


def create_table(dynamodb: Any, name: str) -> None:
    """The table that `DynamoTable` needs, as in `template.yaml`."""
    kinds = {"pk": "S", "sk": "S", "due_shard": "N", "due": "N", "owned_by": "S", "listed_at": "N"}
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": attribute, "AttributeType": kind} for attribute, kind in kinds.items()
        ],
        KeySchema=_keys("pk", "sk"),
        GlobalSecondaryIndexes=[
            {
                "IndexName": "due",
                "KeySchema": _keys("due_shard", "due"),
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["until"]},
            },
            {
                "IndexName": "owned",
                "KeySchema": _keys("owned_by", "listed_at"),
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            },
        ],
    )
    dynamodb.get_waiter("table_exists").wait(
        TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )


def _keys(hash_: str, range_: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": hash_, "KeyType": "HASH"},
        {"AttributeName": range_, "KeyType": "RANGE"},
    ]


def fresh_table(endpoint: str) -> str:
    """The name of a new table on the server."""
    name = f"parley-{uuid.uuid4().hex}"
    with client("dynamodb", endpoint) as dynamodb:
        create_table(dynamodb, name)
    return name


def fresh_bucket(s3: Any) -> str:
    """The name of a new bucket."""
    name = f"parley-{uuid.uuid4().hex}"
    s3.create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name}
    )
    return name


def fresh_queue(sqs: Any) -> str:
    """The address of a new standard queue."""
    answer = sqs.create_queue(QueueName=f"parley-{uuid.uuid4().hex}")
    return str(answer["QueueUrl"])
