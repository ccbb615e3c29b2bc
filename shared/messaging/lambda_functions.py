"""Functions on Lambda's Invoke, which waits for the function's answer."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ProxyConnectionError,
    SSLError,
)
from botocore.parsers import ResponseParserError

from shared.messaging.functions import (
    MAX_PAYLOAD,
    FunctionAnswer,
    FunctionFailed,
    FunctionRefused,
)
from shared.messaging.within import within

_LONGEST = 900
_SERVER_FAULT = 500
_TOO_MANY = 429
_NOT_CONNECTED = (ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError, SSLError)


def client_config() -> Config:
    """How the client given to `LambdaFunctions` is to be made.

    One attempt: a call may have effects, and must not be repeated behind the caller's back. A
    function may take its time, on a connection that is silent meanwhile.
    """
    return Config(
        retries={"total_max_attempts": 1, "mode": "standard"},
        connect_timeout=5,
        read_timeout=_LONGEST + 5,
        tcp_keepalive=True,
        max_pool_connections=50,
    )


class LambdaFunctions:
    """Invokes through a boto3 `lambda` client (see `client_config`).

    It is made at the first call: without a region or credentials only such a call fails.
    """

    def __init__(self, client: Callable[[], Any]) -> None:
        self._client = client

    def invoke(self, function: str, payload: bytes, *, timeout: float) -> FunctionAnswer:
        if len(payload) > MAX_PAYLOAD:
            raise FunctionRefused("the payload is too large")
        try:
            return within(timeout, lambda: self._invoke(function, payload), "invoke")
        except TimeoutError as fault:
            raise FunctionFailed("no answer in time") from fault

    def _invoke(self, function: str, payload: bytes) -> FunctionAnswer:
        try:
            answer = self._client().invoke(
                FunctionName=function, InvocationType="RequestResponse", Payload=payload
            )
        except ClientError as error:
            raise _from_answer(error) from error
        except (BotoCoreError, ResponseParserError, OSError) as error:
            raise _without_answer(error) from error
        try:
            # As a context manager by itself it would hand out the stream beneath it.
            with closing(answer["Payload"]) as stream:
                returned: bytes = stream.read(MAX_PAYLOAD + 1)
                # Only a read that finds nothing more notices that something is missing.
                returned += stream.read(1)
        except (BotoCoreError, OSError) as error:
            raise FunctionFailed(type(error).__name__) from error
        if len(returned) > MAX_PAYLOAD:
            raise FunctionFailed("the answer is too large")
        return FunctionAnswer(returned, "FunctionError" in answer)


def _from_answer(error: ClientError) -> Exception:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", _SERVER_FAULT)
    reason = str(error.response.get("Error", {}).get("Code", status))
    if status < _SERVER_FAULT:
        return FunctionRefused(reason, busy=status == _TOO_MANY)
    return FunctionFailed(reason)


def _without_answer(error: Exception) -> Exception:
    """Only what happens on a connection leaves open whether the function ran; everything else
    (no region, no credentials, a name that cannot be one) happens before anything is sent."""
    connected = isinstance(error, HTTPClientError | ResponseParserError | OSError)
    if connected and not isinstance(error, _NOT_CONNECTED):
        return FunctionFailed(type(error).__name__)
    return FunctionRefused(type(error).__name__)
