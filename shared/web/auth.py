"""Who calls: the dependency that every route but the open ones has."""

from typing import Annotated

from fastapi import Depends, Request

from shared.identity.credentials import authenticate_http
from shared.identity.principal import Principal


def caller(request: Request) -> Principal:
    """The principal of a request.

    Raises:
        Unauthorized: no credential, or a bad one.
    """
    return authenticate_http(request.headers, request.app.state.settings)


Caller = Annotated[Principal, Depends(caller)]
