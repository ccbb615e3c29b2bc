"""The connection API: what its errors mean."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from shared.messaging.connection_api import ConnectionApiPush, client_config
from shared.messaging.push import PushFailed, PushThrottled


@pytest.fixture
def client() -> Iterator[Any]:
    made = boto3.client(
        "apigatewaymanagementapi",
        endpoint_url="http://127.0.0.1:9",
        region_name="eu-central-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=client_config(),
    )
    yield made
    made.close()


@pytest.mark.parametrize(
    ("code", "status", "meaning"),
    [
        ("PayloadTooLargeException", 413, ValueError),
        ("LimitExceededException", 429, PushThrottled),
        ("ForbiddenException", 403, PushFailed),
        ("BadRequestException", 400, PushFailed),
        ("InternalServerError", 500, PushFailed),
    ],
)
def test_what_a_refusal_means(
    client: Any, code: str, status: int, meaning: type[Exception]
) -> None:
    with Stubber(client) as stub:
        stub.add_client_error("post_to_connection", code, http_status_code=status)
        stub.add_client_error("delete_connection", code, http_status_code=status)
        with pytest.raises(meaning):
            ConnectionApiPush(client).post("abc=", b"x")
        with pytest.raises(meaning):
            ConnectionApiPush(client).close("abc=")


def test_a_connection_that_is_gone(client: Any) -> None:
    with Stubber(client) as stub:
        stub.add_client_error("post_to_connection", "GoneException", http_status_code=410)
        stub.add_client_error("delete_connection", "GoneException", http_status_code=410)
        push = ConnectionApiPush(client)
        assert push.post("abc=", b"x") is False
        push.close("abc=")


def test_no_answer(client: Any) -> None:
    with pytest.raises(PushFailed):
        ConnectionApiPush(client).post("abc=", b"x")
