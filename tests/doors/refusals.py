"""The routes that need a credential, and how all refusals of one look."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from tests.doors.door import UNAUTHORIZED, Answer, Door

OPEN = {"/health", "/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json"}


def protected(door: Door) -> Iterator[tuple[str, str]]:
    """Every route that needs a credential, with something in place of its parameters."""
    for route in _leaves(door.running.deployment.http.routes):
        path = route.path
        if path in OPEN:
            continue
        for method in sorted(route.methods - {"HEAD"}):
            yield method, re.sub(r"\{(\w+)_id\}", r"\1_x", path)


def _leaves(routes: Iterable[Any]) -> Iterator[Any]:
    for route in routes:
        nested = getattr(route, "original_router", None)
        if nested is None:
            yield route
        else:
            yield from _leaves(nested.routes)


def refused(answer: Answer) -> None:
    assert answer.status == 401, answer
    assert answer.body == UNAUTHORIZED
    assert answer.headers == {"content-type": "application/json", "www-authenticate": "Bearer"}


def shut(answer: Answer) -> None:
    """A handshake that is refused: its status says all."""
    assert answer.status == 401, answer
    assert answer.body == {"message": "Forbidden"}
