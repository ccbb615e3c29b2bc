"""The HTTP API: FastAPI, the same on AWS (through Mangum) and on a laptop."""

from typing import Annotated, Literal

from fastapi import FastAPI, Header, Request, Response
from pydantic import BaseModel
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from shared import VERSION
from shared.errors import Forbidden
from shared.identity.access import may, own
from shared.protocol.origins import pattern
from shared.protocol.replies import iso_time
from shared.settings_types import LOOPBACK
from shared.web import (
    agents,
    approvals,
    conversations,
    deletions,
    deliveries,
    errors,
    exports,
    turns,
    uploads,
    usage,
)
from shared.web.auth import Authentication, Given, address_of
from shared.web.errors import ErrorBody
from shared.web.services import Services


class Health(BaseModel):
    """That the service answers, and what it is; never a secret."""

    status: str
    version: str
    mode: str
    storage: str
    auth: str
    backend: Literal["http", "none"]


class Ticket(BaseModel):
    """Admits one WebSocket connection (`?ticket=`) until `expires_at`."""

    ticket: str
    expires_at: str


def create_app(services: Services) -> FastAPI:
    """The app, on these services."""
    settings = services.settings
    app = FastAPI(title="Parley", version=VERSION, redirect_slashes=False)
    app.add_middleware(Authentication, services=services)
    errors.install(app)
    if settings.loopback and settings.auth_mode == "none":
        # A page of another site may point its own name at 127.0.0.1; its requests name that.
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=[*LOOPBACK, "[::1]"])
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origin_regex=pattern(settings.cors_origins),
            allow_methods=["GET", "POST", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "Prefer"],
            max_age=600,
            expose_headers=["Location", "Link", "Retry-After"],
        )

    @app.get("/health", tags=["service"])
    def health() -> Health:
        """Open to everybody."""
        return Health(
            status="ok",
            version=VERSION,
            mode=settings.mode,
            storage="dynamodb" if settings.on_aws else "sqlite",
            auth=settings.auth_mode,
            backend="http" if settings.backend else "none",
        )

    @app.post(
        "/tickets",
        status_code=201,
        tags=["service"],
        responses={code: {"model": ErrorBody} for code in (401, 403, 422, 429)},
    )
    def issue_ticket(
        given: Given,
        request: Request,
        response: Response,
        idempotency_key: Annotated[str | None, Header(max_length=255)] = None,
    ) -> Ticket:
        """A ticket for one WebSocket connection as the caller, good for a minute."""
        if not may(given.principal, "create", own(given.principal)):
            raise Forbidden
        if settings.auth_mode == "jwt":
            # Whoever bears the service token asks for many people, from one address.
            services.limits.count(services.limits.address(address_of(request)))
        ticket, expires_at = services.tickets.issue(
            given,
            signing_secret=settings.require_signing_secret().get_secret_value(),
            idempotency_key=idempotency_key,
        )
        response.headers["Cache-Control"] = "no-store"
        return Ticket(ticket=ticket, expires_at=iso_time(expires_at))

    app.include_router(turns.router(services))
    app.include_router(conversations.router(services))
    app.include_router(uploads.router(services))
    app.include_router(approvals.router(services))
    app.include_router(agents.router(services))
    app.include_router(deliveries.router(services))
    app.include_router(deletions.router(services))
    app.include_router(exports.router(services))
    app.include_router(usage.router(services))
    return app
