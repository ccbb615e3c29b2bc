"""Errors as HTTP: one body everywhere.

{"error": {"code", "message", "retryable", "details"}, "detail": message}
"""

import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.errors import (
    BackendUnavailable,
    ParleyError,
    RateLimited,
    ServiceUnavailable,
    ValidationError,
    for_client,
    for_log,
)
from shared.protocol.faults import of_pydantic
from shared.storage.table import TransientError

log = logging.getLogger("parley")

CODES = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED", 413: "PAYLOAD_TOO_LARGE"}


class ErrorInfo(BaseModel):
    code: str
    message: str
    retryable: bool
    details: dict[str, Any] = {}


class ErrorBody(BaseModel):
    """What every error looks like; `detail` repeats the message."""

    error: ErrorInfo
    detail: str


def error_bodies(*codes: int) -> dict[int | str, dict[str, Any]]:
    """What a route says of the errors that it answers with."""
    return {code: {"model": ErrorBody} for code in codes}


def error_body(
    code: str, message: str, *, retryable: bool = False, details: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    info = ErrorInfo(code=code, message=message, retryable=retryable, details=dict(details or {}))
    return ErrorBody(error=info, detail=message).model_dump()


def error_response(fault: ParleyError) -> JSONResponse:
    """One of our errors, as an answer."""
    headers = {"WWW-Authenticate": "Bearer"} if fault.http_status == 401 else {}
    if isinstance(fault, RateLimited | BackendUnavailable):
        headers["Retry-After"] = str(fault.retry_after)
    body = error_body(
        fault.error_code, fault.message, retryable=fault.is_retryable, details=fault.details
    )
    return JSONResponse(body, fault.http_status, headers)


def answer(fault: ParleyError | TransientError) -> JSONResponse:
    """What a caller is told of a fault; whoever operates this finds ours in the log."""
    if isinstance(fault, TransientError):
        log.warning("store unavailable", exc_info=fault)
        return error_response(ServiceUnavailable())
    if fault.http_status >= 500:
        log.warning("request failed", **for_log(fault))
    return error_response(for_client(fault))


def install(app: FastAPI) -> None:
    """Make every error of the app look like this."""

    @app.exception_handler(ParleyError)
    def _ours(_: Request, fault: ParleyError) -> JSONResponse:
        return answer(fault)

    @app.exception_handler(TransientError)
    def _store(_: Request, fault: TransientError) -> JSONResponse:
        return answer(fault)

    @app.exception_handler(RequestValidationError)
    def _invalid(_: Request, fault: RequestValidationError) -> JSONResponse:
        return error_response(invalid(fault))

    @app.exception_handler(HTTPException)
    def _http(_: Request, fault: HTTPException) -> JSONResponse:
        code = CODES.get(fault.status_code, "BAD_REQUEST")
        headers = dict(fault.headers or {})
        return JSONResponse(error_body(code, str(fault.detail)), fault.status_code, headers)

    app.add_middleware(Unexpected)


class Unexpected:
    """Answers what no handler of an error knows. It is the innermost middleware, so that its
    answer gets what the others add to any: a page may read why its request failed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as fault:
            # Whatever it was; half an answer cannot be taken back.
            log.exception("request failed")
            if begun:
                raise
            await error_response(for_client(fault))(scope, receive, send)


def invalid(fault: RequestValidationError) -> ValidationError:
    """What is wrong with a request, and where; the values themselves are not repeated."""
    found = map(of_pydantic, fault.errors())
    faults = [{"path": each.field, "message": each.reason} for each in found]
    first = faults[0] if faults else {"path": "body", "message": "is not valid"}
    message = f"{first['path']}: {first['message']}"
    return ValidationError(message, details={"faults": faults[:50]})
