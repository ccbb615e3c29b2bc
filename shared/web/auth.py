"""Who calls: the dependency that every route but the open ones has."""

from typing import Annotated

from fastapi import Depends, Request

from shared.errors import Unauthorized
from shared.identity.principal import Credential, Principal
from shared.web.services import Services


def credential(request: Request) -> Credential:
    """The credential of a request, which is counted.

    Raises:
        Unauthorized: none, or a bad one.
        Forbidden, ValidationError: a good one, for somebody for whom it may not act.
        RateLimited: its bearer, or the address where bad ones come from, asks too often.
    """
    services: Services = request.app.state.services
    try:
        given = services.authenticator.request(request.url.path, request.headers)
    except Unauthorized:
        services.limits.count(services.limits.address(address_of(request)))
        raise
    services.limits.count(services.limits.principal(given.principal))
    return given


def address_of(request: Request) -> str | None:
    """Where a request comes from, as the gateway saw it."""
    return request.client.host if request.client else None


def caller(given: Annotated[Credential, Depends(credential)]) -> Principal:
    """The principal of a request. Raises like `credential`."""
    return given.principal


Given = Annotated[Credential, Depends(credential)]
"""The caller's credential."""

Caller = Annotated[Principal, Depends(caller)]
"""The caller."""
