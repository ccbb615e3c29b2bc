"""Invoke over a real client: what is sent, and which failures leave open whether it ran."""

from pathlib import Path

import boto3
import pytest

from shared.messaging.functions import (
    MAX_PAYLOAD,
    FunctionAnswer,
    FunctionFailed,
    FunctionRefused,
)
from shared.messaging.lambda_functions import LambdaFunctions, client_config
from tests.messaging.invokes import HOST, PATIENT, Lambda, lambda_api

ARN = "arn:aws:lambda:eu-central-1:123456789012:function:refund:live"


def invoke(server: Lambda, timeout: float = PATIENT) -> FunctionAnswer:
    return server.functions().invoke("refund", b'{"id":1}', timeout=timeout)


@pytest.mark.parametrize("function", ["refund", "refund:live", ARN])
def test_a_function_is_called_once_and_waited_for(function: str) -> None:
    with lambda_api() as server:
        server.body = b'{"ok":true}'
        answer = server.functions().invoke(function, b'{"id":1}', timeout=PATIENT)

    assert answer == FunctionAnswer(b'{"ok":true}', failed=False)
    (got,) = server.got
    assert (got.function, got.payload) == (function, {"id": 1})
    assert got.headers["X-Amz-Invocation-Type"] == "RequestResponse"


def test_a_function_that_raised_has_an_answer_that_says_so() -> None:
    with lambda_api() as server:
        server.headers = {"X-Amz-Function-Error": "Unhandled"}
        server.body = b'{"errorType":"KeyError"}'

        assert invoke(server) == FunctionAnswer(b'{"errorType":"KeyError"}', failed=True)


@pytest.mark.parametrize(
    ("status", "code", "busy"),
    [
        (404, "ResourceNotFoundException", False),
        (403, "AccessDeniedException", False),
        (400, "InvalidRequestContentException", False),
        (413, "RequestTooLargeException", False),
        (429, "TooManyRequestsException", True),
    ],
)
def test_what_lambda_refuses_was_not_run(status: int, code: str, busy: bool) -> None:
    with lambda_api() as server:
        server.refuse(status, code)
        with pytest.raises(FunctionRefused) as caught:
            invoke(server)

    assert (str(caught.value), caught.value.busy) == (code, busy)
    assert len(server.got) == 1, "it was tried again"


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_fault_of_lambda_is_not_tried_again(status: int) -> None:
    with lambda_api() as server:
        server.refuse(status, "ServiceException")
        with pytest.raises(FunctionFailed, match="ServiceException"):
            invoke(server)

    assert len(server.got) == 1, "it was tried again"


def test_no_answer_in_time_leaves_open_whether_it_ran() -> None:
    with lambda_api() as server:
        server.silent = True
        with pytest.raises(FunctionFailed, match="no answer in time"):
            invoke(server, timeout=0.5)

    assert len(server.got) <= 1


def test_an_answer_that_breaks_off_leaves_open_whether_it_ran() -> None:
    with lambda_api() as server:
        server.body, server.promised = b'{"half":', 100
        with pytest.raises(FunctionFailed):
            invoke(server)


def test_a_connection_that_breaks_off_leaves_open_whether_it_ran() -> None:
    with lambda_api() as server:
        server.silent = True
        server.over.set()
        with pytest.raises(FunctionFailed):
            invoke(server)

    assert len(server.got) == 1, "it was tried again"


def test_an_answer_beyond_the_limit_is_none() -> None:
    with lambda_api() as server:
        server.body = b'"' + b"x" * MAX_PAYLOAD + b'"'
        with pytest.raises(FunctionFailed, match="too large"):
            invoke(server)


def test_a_payload_beyond_the_limit_is_not_sent() -> None:
    with lambda_api() as server, pytest.raises(FunctionRefused, match="too large"):
        server.functions().invoke("refund", b"x" * (MAX_PAYLOAD + 1), timeout=PATIENT)

    assert server.got == []


def test_where_nobody_listens_nothing_was_run() -> None:
    with lambda_api() as server:
        pass
    with pytest.raises(FunctionRefused, match="EndpointConnectionError"):
        invoke(server)


@pytest.fixture
def _nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A laptop that knows nothing of AWS."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


@pytest.mark.usefixtures("_nowhere")
def test_without_a_region_nothing_is_run() -> None:
    functions = LambdaFunctions(lambda: boto3.session.Session().client("lambda"))
    with pytest.raises(FunctionRefused, match="NoRegionError"):
        functions.invoke("refund", b"{}", timeout=PATIENT)


@pytest.mark.usefixtures("_nowhere")
def test_without_credentials_nothing_is_run() -> None:
    with lambda_api() as server:
        functions = LambdaFunctions(
            lambda: boto3.session.Session().client(
                "lambda",
                region_name="eu-central-1",
                endpoint_url=f"http://{HOST}:{server.port}",
                config=client_config(),
            )
        )
        with pytest.raises(FunctionRefused, match="NoCredentialsError"):
            functions.invoke("refund", b"{}", timeout=PATIENT)

    assert server.got == []
