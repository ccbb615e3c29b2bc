"""The table of what is tried has every action, route and field that there is, and no other."""

import pytest

from shared.identity.credentials import SERVICE_PATHS
from tests.walls.asked import OPEN, ROUTES
from tests.walls.asked_frames import ACTIONS
from tests.walls.inventory import CREDENTIALS, actions, routes
from tests.walls.people import ANN
from tests.walls.town import Town


def test_every_field_of_every_action_has_its_line() -> None:
    assert {name: set(fields) for name, fields in ACTIONS.items()} == actions()


def test_every_parameter_of_every_route_has_its_line(town: Town) -> None:
    found = routes(town.deployment.http)
    asked = {place: {*names, *CREDENTIALS} for place, names in found.items() if place not in OPEN}
    assert {place: set(parameters) for place, parameters in ROUTES.items()} == asked


def test_the_routes_are_those_that_the_api_says_it_has(town: Town) -> None:
    """So that a way of hanging routes in that the walk does not know is noticed."""
    app = town.deployment.http
    said = {
        (method.upper(), path) for path, known in app.openapi()["paths"].items() for method in known
    }
    assert said == {place for place in routes(app) if place in ROUTES or place[1] == "/health"}


def test_an_open_route_takes_nothing_and_says_the_same_to_everybody(town: Town) -> None:
    found = routes(town.deployment.http)
    for method, path in OPEN:
        assert found[method, path] == set(), path
        answers = [town.ask(method, path, token=None), town.request(ANN, method, path)]
        assert answers[0] == answers[1]
        assert answers[0].status == 200
    assert town.notes == [], "the store was asked"


@pytest.mark.parametrize("place", ROUTES, ids=" ".join)
def test_every_other_route_wants_to_know_who_asks(town: Town, place: tuple[str, str]) -> None:
    method, path = place
    answers = [town.ask(method, path, token=token) for token in (None, "nonsense")]
    assert [answer.status for answer in answers] == [401, 401]
    assert answers[0] == answers[1]
    assert town.notes == []


def test_the_service_token_is_tried_wherever_it_is_taken() -> None:
    below = {path for _, path in ROUTES if path.startswith(SERVICE_PATHS)}
    assert below == {
        "/executor/turns",
        "/turns/{turn_id}",
        "/turns/{turn_id}/cancel",
        "/approvals",
        "/approvals/{approval_id}",
        "/agents",
        "/agents/{agent_id}",
        "/deliveries",
        "/deliveries/{delivery_id}/replay",
        "/usage",
        "/users/{user}/data",
        "/tenants/{tenant}/data",
        "/deletions/{deletion_id}",
    }
