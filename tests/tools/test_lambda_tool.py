"""Lambda tools over the real wire: what the function gets, and what the model reads of it."""

import logging
from typing import Any

import pytest

from shared.messaging.functions import MAX_PAYLOAD
from shared.tools.arguments import checked
from shared.tools.lambda_tool import LambdaTool
from shared.tools.port import InvalidArguments, Tool, ToolFault
from shared.tools.specs import ToolSpec
from tests.messaging.invokes import Lambda, lambda_api
from tests.support.clock import FakeClock
from tests.tools.calls import context
from tests.tools.http_calls import ANY, texts


def tool(
    server: Lambda,
    function: str = "refund",
    *,
    parameters: Any = ANY,
    timeout: float = 30,
    clock: FakeClock | None = None,
) -> LambdaTool:
    spec = ToolSpec.model_validate(
        {
            "name": "issue_refund",
            "description": "Refund an order",
            "parameters": parameters,
            "lambda": {"function": function, "timeout_sec": timeout},
        }
    )
    return LambdaTool(
        spec, checked(parameters), functions=server.functions(), clock=clock or FakeClock()
    )


def fault(server: Lambda, **more: Any) -> str:
    with pytest.raises(ToolFault) as caught:
        tool(server, **more).run({}, context())
    return str(caught.value)


def test_it_is_what_its_entry_says() -> None:
    made: Tool = tool(Lambda(), parameters=texts("id"), timeout=7)
    assert (made.name, made.description, made.timeout) == ("issue_refund", "Refund an order", 7)
    assert made.parameters == texts("id")
    assert (made.repeatable, made.parallel) == (False, True)


def test_the_function_gets_the_arguments_and_who_calls() -> None:
    with lambda_api() as server:
        tool(server).run({"id": "grün", "n": [1]}, context(email="ada@example.com"))

    (got,) = server.got
    assert got.function == "refund"
    assert got.payload == {
        "arguments": {"id": "grün", "n": [1]},
        "context": {
            "tenant": "acme",
            "user": "ada",
            "conversation_id": "c1",
            "session_id": "s1",
            "turn_id": "t1",
            "call_id": "k1",
            "idempotency_key": "t1:k1",
        },
    }


def test_the_function_gets_the_address_that_was_verified() -> None:
    with lambda_api() as server:
        tool(server).run({}, context(verified_email="ada@example.com"))

    assert server.got[0].payload["context"]["verified_email"] == "ada@example.com"


@pytest.mark.parametrize(
    ("returned", "result"),
    [
        (b'"refunded \\u00fc"', "refunded ü"),
        (b'{"ok": true}', '{"ok": true}'),
        (b"[1, 2]", "[1, 2]"),
        (b"false", "false"),
        (b"null", "Done; the function returned nothing."),
        (b"", "Done; the function returned nothing."),
        (b"no JSON", "no JSON"),
        (b"\xff", "\ufffd"),
        (b'"\\ud800"', "?"),
        (b"[" * 100_000, "[" * 100_000),
    ],
    ids=["text", "object", "list", "false", "null", "empty", "other", "bytes", "half", "deep"],
)
def test_what_the_function_returns_is_the_result(returned: bytes, result: str) -> None:
    with lambda_api() as server:
        server.body = returned

        assert tool(server).run({}, context()) == result


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (b'{"errorType":"OrderLocked","errorMessage":"at db-7"}', " (OrderLocked)"),
        (b'{"errorType":"Sandbox.Timedout","errorMessage":"db-7"}', " (Sandbox.Timedout)"),
        (b'{"errorType":"a text with db-7","errorMessage":""}', ""),
        (b'{"errorType":7}', ""),
        (b"db-7", ""),
    ],
)
def test_a_function_that_raises_tells_the_model_only_the_kind(
    payload: bytes, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    with lambda_api() as server, caplog.at_level(logging.WARNING, "parley"):
        server.headers = {"X-Amz-Function-Error": "Unhandled"}
        server.body = payload
        said = fault(server)

    assert said == f"The tool's function failed{kind}. What it had done by then is unknown."
    assert vars(caplog.records[0])["function"] == "refund"
    assert "db-7" not in str(vars(caplog.records[0]))


@pytest.mark.parametrize(
    ("status", "code"), [(404, "ResourceNotFoundException"), (403, "AccessDeniedException")]
)
def test_what_is_not_set_up_is_for_the_operator(
    status: int, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    with lambda_api() as server, caplog.at_level(logging.WARNING, "parley"):
        server.refuse(status, code)
        said = fault(server)

    assert "cannot be called; nothing was run" in said
    assert "internal details" not in said + caplog.text
    [record] = caplog.records
    assert (vars(record)["tool"], vars(record)["reason"]) == ("issue_refund", code)


def test_a_busy_function_may_be_tried_later() -> None:
    with lambda_api() as server:
        server.refuse(429, "TooManyRequestsException")

        assert fault(server).endswith("nothing was run. Try again later.")


@pytest.mark.parametrize("how", ["silent", "broken"])
def test_without_an_answer_the_outcome_is_unknown(how: str) -> None:
    with lambda_api() as server:
        if how == "silent":
            server.silent = True
        else:
            server.refuse(500, "ServiceException")
        said = fault(server, timeout=0.5 if how == "silent" else 30)

    assert "outcome is unknown" in said


def test_the_deadline_bounds_the_wait() -> None:
    with lambda_api() as server:
        server.silent = True
        with pytest.raises(ToolFault, match="no answer in time"):
            tool(server, timeout=900).run({}, context(deadline=0.5))


def test_nothing_is_run_after_the_deadline() -> None:
    clock = FakeClock()
    clock.advance(50)
    with lambda_api() as server, pytest.raises(ToolFault, match="No time was left"):
        tool(server, clock=clock).run({}, context(deadline=50.0))

    assert server.got == []


def test_arguments_that_do_not_fit_are_not_sent() -> None:
    with lambda_api() as server:
        with pytest.raises(InvalidArguments):
            tool(server, parameters=texts("id")).run({"id": 7}, context())
        with pytest.raises(InvalidArguments, match="finite"):
            tool(server).run({"n": float("inf")}, context())
        with pytest.raises(InvalidArguments, match="shorten"):
            tool(server).run({"n": "x" * MAX_PAYLOAD}, context())

    assert server.got == []


@pytest.mark.parametrize("function", ["a b", "../x", "https://api.example/", "f\n", "fü"])
def test_what_can_be_no_function_is_refused(function: str) -> None:
    with pytest.raises(ValueError, match="must have the name or the ARN of a function"):
        tool(Lambda(), function)


@pytest.mark.parametrize(
    "function", ["refund", "refund:$LATEST", "arn:aws-cn:lambda:cn-north-1:1:function:a_b-c:live"]
)
def test_a_function_may_have_a_name_or_an_arn(function: str) -> None:
    assert tool(Lambda(), function).name == "issue_refund"


def test_an_entry_of_another_kind_makes_no_tool() -> None:
    spec = {"name": "a", "description": "b", "parameters": {}, "http": {"url": "https://a.b/"}}
    with pytest.raises(TypeError):
        LambdaTool(
            ToolSpec.model_validate(spec),
            checked(ANY),
            functions=Lambda().functions(),
            clock=FakeClock(),
        )
