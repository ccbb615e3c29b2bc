"""Single agent turns over HTTP: ask, wait for a while, come back for the result."""

import hashlib
import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import JSONResponse
from pydantic.alias_generators import to_snake

from shared.backends.agents import Agent
from shared.clock import Clock
from shared.conversations.items import Session, turn_id
from shared.conversations.pages import check_page
from shared.conversations.turns import TurnView
from shared.conversations.uploads import uploaded
from shared.errors import NotFound, ValidationError
from shared.identity.principal import Principal
from shared.ids import SESSION_NAMESPACE, new_id
from shared.mailbox.box import key_part
from shared.mailbox.jobs import DONE_TTL_SECONDS
from shared.mailbox.requests import RiderFailed
from shared.messaging.http import AddressRefused
from shared.protocol.attachments import check_uploads
from shared.protocol.faults import Inside
from shared.storage.expressions import ABSENT, attr
from shared.storage.table import Item, Key, Put
from shared.web.auth import Caller
from shared.web.errors import error_bodies
from shared.web.services import Services
from shared.web.turn_answers import answer, state
from shared.web.turn_bodies import NewTurn, TurnAccepted, TurnResult, TurnState, TurnStopping

POLL = (0.05, 0.5)
"""Seconds between two looks at a turn that somebody waits for: at first, and at most."""

ANSWER_SECONDS = 1.5
"""What is kept of the caller's time for sending the answer."""


def router(services: Services) -> APIRouter:
    api = APIRouter(tags=["turns"])
    desk = TurnDesk(services)

    @api.post(
        "/executor/turns",
        responses={
            200: {"model": TurnResult},
            202: {"model": TurnAccepted},
            **error_bodies(401, 402, 404, 409, 422, 429, 500, 502, 503, 504),
        },
    )
    def run_turn(
        body: NewTurn,
        caller: Caller,
        request: Request,
        idempotency_key: Annotated[str | None, Header(min_length=1, max_length=255)] = None,
    ) -> Response:
        """Run one turn of an agent. Answers 200 with the reply, or 202 when it takes longer than
        `wait`, or waits for somebody. A repeat with the same `Idempotency-Key` is the same turn."""
        turn = desk.ask(caller, body, idempotency_key, request.headers.get("origin"))
        seconds = min(body.wait, _time_left(request) - ANSWER_SECONDS)
        return answer(desk.wait(caller, turn, seconds))

    @api.get("/turns/{turn_id}", responses=error_bodies(401, 404))
    def get_turn(turn_id: str, caller: Caller) -> TurnState:
        """How a turn stands, and its reply when it has one."""
        return state(services.turns.view(caller, turn_id))

    @api.post(
        "/turns/{turn_id}/cancel",
        responses={
            200: {"model": TurnState},
            202: {"model": TurnStopping},
            **error_bodies(401, 404),
        },
    )
    def cancel_turn(turn_id: str, caller: Caller) -> Response:
        """Ask to stop a turn. Answers 202 however often, until the turn has ended; then 200 with
        how it ended, which a request that comes too late does not change."""
        view = services.stops.turn(caller, turn_id)
        if view.done:
            return JSONResponse(state(view).model_dump())
        stopping = TurnStopping(turn_id=view.id, session_id=view.session).model_dump()
        return JSONResponse(stopping, 202, {"Location": f"/turns/{view.id}"})

    return api


class TurnDesk:
    """Takes turns in and waits for them."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def ask(
        self, caller: Principal, body: NewTurn, key: str | None, origin: str | None = None
    ) -> str:
        """Queue the turn; its id. `origin` is that of a web page, if it asks."""
        services = self._services
        if body.callback_url is not None:
            self._check_url(body.callback_url)
        agent = services.agents.get(body.agent_id, caller.tenant)
        check_page(agent, origin)
        request_id = _request_id(caller, key)
        with _of_body():
            body.options.check(agent)
            session = self._session(caller, body, agent, request_id if key else None)
            services.sessions.check(session, agent, body.options)
        _check_uploads(body, session)
        riders = [_claim(caller, request_id, body, services.clock)] if key is not None else []
        try:
            added = services.turns.add(
                caller,
                session,
                request_id=request_id,
                message=body.message,
                options=body.options,
                callback_url=body.callback_url,
                attached=body.attached,
                riders=riders,
            )
        except RiderFailed as taken:
            # A repeat in the same session is found as its turn; this one is for another session.
            raise ValidationError(
                "Idempotency-Key was used for another request. Use a new one."
            ) from taken
        services.turns.wake(session.box)
        return turn_id(session.conversation, added.job.ref)

    def _check_url(self, url: str) -> None:
        try:
            self._services.guard.check(url)
        except AddressRefused as refused:
            raise ValidationError(f"callback_url: {refused}") from refused

    def _session(
        self, caller: Principal, body: NewTurn, agent: Agent, request_id: str | None
    ) -> Session:
        """The session of the turn. One that it begins is found by its repeat if there is a
        `request_id`."""
        sessions = self._services.sessions
        if body.session_id is not None:
            session = sessions.find(caller, body.session_id)
            if session is None:
                raise NotFound("There is no such session.", code="SESSION_NOT_FOUND")
        else:
            session = sessions.open(
                caller,
                agent,
                session_id=str(uuid.uuid5(SESSION_NAMESPACE, request_id)) if request_id else None,
                variables=body.options.variables,
                overrides=body.options.overrides,
                skill=body.skill,
            )
        if session.agent != agent.id:
            raise ValidationError(
                "agent_id: the session is with another agent. Leave session_id out.",
                details={"faults": [{"path": "body.agent_id", "message": "another agent's"}]},
            )
        return session

    def wait(self, caller: Principal, turn: str, seconds: float) -> TurnView:
        """The turn when it has ended or waits for somebody, or as it stands after so many
        seconds."""
        clock = self._services.clock
        until = clock.monotonic() + seconds
        pause, longest = POLL
        while True:
            view = self._services.turns.view(caller, turn)
            left = until - clock.monotonic()
            if view.done or view.waits or left <= 0:
                return view
            clock.sleep(min(pause, left))
            pause = min(pause * 1.5, longest)


@contextmanager
def _of_body() -> Iterator[None]:
    """Says of a field that is refused where in the body it stands."""
    try:
        yield
    except ValidationError as fault:
        if "field" not in fault.details:
            raise
        details = dict(fault.details)
        path = f"body.{to_snake(details.pop('field'))}"
        found = {"faults": [{"path": path, "message": fault.message}], **details}
        raise ValidationError(f"{path}: {fault.message}", details=found) from fault


def _check_uploads(body: NewTurn, session: Session) -> None:
    """Raises ValidationError: an upload is not one of the session's conversation."""
    try:
        check_uploads(body.images, body.files, lambda each: uploaded(each, session.conversation))
    except Inside as wrong:
        path = ".".join(["body", *map(str, wrong.path)])
        found = {"faults": [{"path": path, "message": str(wrong)}]}
        raise ValidationError(f"{path}: {wrong}", details=found) from wrong


def _request_id(caller: Principal, key: str | None) -> str:
    if key is None:
        return new_id()
    asked = json.dumps([caller.tenant, caller.user, key])
    return f"key-{hashlib.sha256(asked.encode()).hexdigest()}"


def _claim(caller: Principal, request_id: str, body: NewTurn, clock: Clock) -> Put:
    """The write by which a key belongs to one request of one caller."""
    asked: list[Any] = [body.agent_id, body.session_id, body.message, body.callback_url]
    if body.options.chosen:
        asked.append(body.options.chosen)
    if body.attached:
        asked.append(body.attached)
    digest = hashlib.sha256(json.dumps(asked).encode()).hexdigest()
    ttl = clock.now() // 1000 + DONE_TTL_SECONDS
    key = Key(f"IDEM#{key_part(caller.tenant)}#{request_id}", "IDEM")
    return Put(Item(key, {"hash": digest}, ttl=ttl), ABSENT | attr("hash").eq(digest))


def _time_left(request: Request) -> float:
    """Seconds that this invocation may still take."""
    context = request.scope.get("aws.context")
    left = getattr(context, "get_remaining_time_in_millis", None)
    return left() / 1000 if left else 30.0
