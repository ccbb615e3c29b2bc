"""Every action and every route that there is, with its fields, read off the code."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.routing import Route

from shared.identity.credentials import AUTHORIZATION, ON_BEHALF_OF
from shared.protocol.parser import _ACTIONS

CREDENTIALS = (f"header.{AUTHORIZATION}", f"header.{ON_BEHALF_OF}")
"""What every route but the open ones reads, beside its parameters."""

Place = tuple[str, str]
"""A method and a path."""


def actions() -> dict[str, set[str]]:
    """The fields of each action."""
    return {name: set(model.model_fields) for name, model in _ACTIONS.items()}


def routes(app: FastAPI) -> dict[Place, set[str]]:
    """The parameters of each route, as `path.…`, `query.…`, `header.…`, `cookie.…`, `body.…`."""
    return {
        (method, route.path.replace(":path}", "}")): _parameters(route)
        for route in _leaves(app.routes)
        for method in route.methods or ()
    }


def _leaves(found: Any) -> Iterator[Route | APIRoute]:
    """The routes themselves, wherever they are hung in."""
    for route in found:
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from _leaves(included.routes)
        elif isinstance(route, Route | APIRoute):
            yield route
        else:
            raise AssertionError(f"a kind of route that these tests do not know: {route!r}")


def _parameters(route: Route | APIRoute) -> set[str]:
    return set(_declared(route.dependant)) if isinstance(route, APIRoute) else set()


def _declared(dependant: Any) -> Iterator[str]:
    for kind in ("path", "query", "header", "cookie"):
        for each in getattr(dependant, f"{kind}_params"):
            yield f"{kind}.{each.alias}"
    for each in dependant.body_params:
        model = each.field_info.annotation
        assert isinstance(model, type)
        assert issubclass(model, BaseModel), "a body that is no model"
        yield from (f"body.{name}" for name in model.model_fields)
    for deeper in dependant.dependencies:
        yield from _declared(deeper)
