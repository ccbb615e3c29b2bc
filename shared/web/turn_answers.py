"""What callers are told of a turn over HTTP."""

from fastapi import Response
from fastapi.responses import JSONResponse

from shared.conversations.turns import TurnView
from shared.errors import ParleyError, RateLimited, TurnFailed
from shared.web.turn_bodies import TurnAccepted, TurnResult, TurnState

STATUS = {
    "TURN_TIMEOUT": 504,
    "INTERNAL_ERROR": 500,
    "AGENT_NOT_USABLE": 500,
    "BUDGET_EXCEEDED": 402,
    "RATE_LIMITED": 429,
    "AGENT_NOT_FOUND": 404,
}
"""Of turns that fail, by their codes; of others the model is to blame (502)."""


def answer(view: TurnView) -> Response:
    if view.error is not None:
        raise failure(view)
    ids = {"turn_id": view.id, "session_id": view.session, "status": view.status}
    if view.done:
        result = TurnResult(
            **ids,
            text=view.text,
            usage=view.usage,
            citations=view.citations,
            directive=view.directive,
            escalation=view.escalation,
        )
        return JSONResponse(result.model_dump())
    accepted = TurnAccepted(**ids, prompt=view.prompt).model_dump(exclude_none=view.prompt is None)
    return JSONResponse(accepted, 202, {"Location": f"/turns/{view.id}"})


def failure(view: TurnView) -> ParleyError:
    """What a failed turn is to the caller who waited for it."""
    error = view.error or {}
    where = {**error.get("details", {}), "turn_id": view.id, "session_id": view.session}
    status = STATUS.get(error["code"], 502)
    if status == 429:
        limited = RateLimited(error["message"], retry_after=int(where.get("retryAfter", 5)))
        limited.details = {**limited.details, **where}
        return limited
    return TurnFailed(
        error["message"],
        code=error["code"],
        retryable=error["retryable"],
        details=where,
        status=status,
    )


def state(view: TurnView) -> TurnState:
    return TurnState(
        turn_id=view.id,
        session_id=view.session,
        status=view.status,
        text=view.text,
        prompt=view.prompt,
        usage=view.usage,
        error=view.error,
        escalation=view.escalation,
        citations=view.citations,
        directive=view.directive,
    )
