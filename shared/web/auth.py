"""Who calls: found out before anything else of a request is read."""

from typing import Annotated

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.errors import ParleyError, Unauthorized
from shared.identity.principal import Credential, Principal
from shared.storage.table import TransientError
from shared.web.errors import answer
from shared.web.services import Services

OPEN = frozenset({"/health", "/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json"})
"""The paths that everybody may ask for."""

_CREDENTIAL = "parley.credential"


class Authentication:
    """Answers requests without a good credential, before their bodies are read; notes the others'
    credential in the scope."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self._app = app
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in OPEN:
            try:
                scope[_CREDENTIAL] = await run_in_threadpool(self._credential, scope)
            except (ParleyError, TransientError) as fault:
                await answer(fault)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _credential(self, scope: Scope) -> Credential:
        """The credential of a request, which is counted.

        Raises:
            Unauthorized: none, or a bad one.
            Forbidden, ValidationError: a good one, for somebody for whom it may not act.
            RateLimited: its bearer, or the address where bad ones come from, asks too often.
        """
        limits = self._services.limits
        try:
            given = self._given(scope)
        except Unauthorized:
            limits.count(limits.address(address_of(Request(scope))))
            raise
        limits.count(limits.principal(given.principal))
        return given

    def _given(self, scope: Scope) -> Credential:
        # The path as it came: a URL is made of the Host header too.
        given = self._services.authenticator.request(scope["path"], Headers(scope=scope))
        if self._services.tickets.is_used(given):
            raise Unauthorized
        return given


def address_of(request: Request) -> str | None:
    """Where a request comes from, as the gateway saw it."""
    return request.client.host if request.client else None


def credential(request: Request) -> Credential:
    """The credential of a request.

    Raises:
        Unauthorized: its path is open, so it has none.
    """
    given = request.scope.get(_CREDENTIAL)
    if not isinstance(given, Credential):
        raise Unauthorized
    return given


def caller(given: Annotated[Credential, Depends(credential)]) -> Principal:
    """The principal of a request."""
    return given.principal


Given = Annotated[Credential, Depends(credential)]
"""The caller's credential."""

Caller = Annotated[Principal, Depends(caller)]
"""The caller."""
