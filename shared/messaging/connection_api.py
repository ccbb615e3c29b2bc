"""Push through API Gateway's connection API, which the local gateway speaks too."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from shared.messaging.push import MAX_MESSAGE_BYTES, PushFailed, PushThrottled

_GONE = 410
_TOO_LARGE = 413
_TOO_MANY = 429


def client_config() -> Config:
    """How the client given to `ConnectionApiPush` is to be made.

    One attempt: the caller decides whether a text may be sent twice, and backs off itself. Short
    time-outs: a client that hangs must not hold up the end of a turn. Each of a turn's listeners is
    posted to on its own.
    """
    return Config(
        retries={"total_max_attempts": 1, "mode": "standard"},
        connect_timeout=2,
        read_timeout=5,
        max_pool_connections=50,
    )


class _Gone(Exception):
    """The connection is closed."""


class ConnectionApiPush:
    """Posts through a boto3 `apigatewaymanagementapi` client (see `client_config`)."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def post(self, connection: str, data: bytes) -> bool:
        if len(data) > MAX_MESSAGE_BYTES:
            raise ValueError(f"a message may have {MAX_MESSAGE_BYTES} bytes")
        try:
            with _translated():
                self._client.post_to_connection(ConnectionId=connection, Data=data)
        except _Gone:
            return False
        return True

    def close(self, connection: str) -> None:
        try:
            with _translated():
                self._client.delete_connection(ConnectionId=connection)
        except _Gone:
            return


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        if status == _GONE:
            raise _Gone from error
        if status == _TOO_LARGE:
            raise ValueError("the message is too large for the connection") from error
        if status == _TOO_MANY:
            raise PushThrottled("too many posts") from error
        raise PushFailed(str(error.response["Error"].get("Code", status))) from error
    except (BotoCoreError, ResponseParserError) as error:
        raise PushFailed(type(error).__name__) from error
