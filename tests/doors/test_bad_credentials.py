"""Whatever is wrong with a credential: 401, the same body, and nothing written but counters."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from shared.identity.credentials import SERVICE_PATHS
from tests.doors.bad_tokens import FORGED
from tests.doors.door import UNAUTHORIZED, Door, code, door
from tests.doors.issuers import Issuer, provider, with_curve, with_rsa, with_secret
from tests.doors.refusals import protected, refused, shut
from tests.scenarios.clocks import Later
from tests.support.aws import client as aws_client
from tests.support.deployments import SERVICE_TOKEN, Place, aws_set
from tests.support.frames_client import FramesClient

WELL_FORMED = "A" * 43
ISSUERS: dict[str, Callable[[Later], Issuer]] = {
    "HS256": with_secret,
    "RS256": with_rsa,
    "ES256": with_curve,
}


@pytest.fixture(params=[*ISSUERS, "published"])
def trusted(
    request: pytest.FixtureRequest, clock: Later, tmp_path: Path
) -> Iterator[tuple[Issuer, Door]]:
    with ExitStack() as cleanup:
        if request.param == "published":
            issuer: Issuer = cleanup.enter_context(provider(clock))
        else:
            issuer = ISSUERS[request.param](clock)
        yield issuer, cleanup.enter_context(door(tmp_path, issuer, clock))


def test_forged_tokens(trusted: tuple[Issuer, Door]) -> None:
    """Each at the three doors, whatever signs good tokens."""
    issuer, here = trusted
    with here.client(token=issuer.token()) as client:
        client.read_all()
        before = here.stored()
        for wrong, forge in FORGED.items():
            token = forge(issuer)
            if wrong == "oversized":
                # The local server takes no such line; API Gateway hands it on.
                assert here.running.deployment.admission.connect("c", {"token": token}, {}) == 401
            else:
                shut(here.knock(token=token))
            refused(here.ask("GET", "/conversations", token))
            expected = "VALIDATION_ERROR" if wrong == "oversized" else "UNAUTHORIZED"
            answer = client.ask("authenticate", token=token)
            assert (wrong, code(answer)) == (wrong, expected)
            if expected == "UNAUTHORIZED":
                assert answer["error"]["message"] == UNAUTHORIZED["detail"]
                assert "details" not in answer["data"]
        assert here.stored() == before
        assert client.ask("list_conversations")["status"] == 200
    assert here.ask("GET", "/conversations", issuer.token()).status == 200


def test_every_route_asks_for_a_credential(here: Door, issuer: Issuer) -> None:
    routes = list(protected(here))
    assert len(routes) >= 6
    assert {path for _, path in routes} >= {"/tickets", "/executor/turns", "/conversations"}
    here.ticket(issuer.token())
    before = here.stored()
    bad = [None, "", "nonsense", SERVICE_TOKEN[:-1], WELL_FORMED, f"{issuer.token()} x"]
    bad += [FORGED[name](issuer) for name in ("expired", "alg none", "another key")]
    for method, path in routes:
        below = any(path == each or path.startswith(f"{each}/") for each in SERVICE_PATHS)
        for token in bad if below else [*bad, SERVICE_TOKEN]:
            refused(here.ask(method, path, token, {}))
        refused(here.ask(method, path, headers={"Authorization": issuer.token()}))
        refused(here.ask(method, path, headers={"Authorization": f"Basic {issuer.token()}"}))
        refused(here.ask(method, f"{path}?token={issuer.token()}"))
    assert here.stored() == before


def test_what_there_is_is_told_to_nobody(here: Door, issuer: Issuer) -> None:
    """Nor is a body read before its sender is known."""
    refused = here.ask("GET", "/conversations")
    assert (refused.status, here.ask("GET", "/nothing")) == (401, refused)
    assert here.ask("GET", "/nothing", issuer.token()).status == 404
    assert here.ask("POST", "/executor/turns", None, "{bad").status == 401
    assert here.ask("GET", "/health").status == 200


def test_tickets_and_pairs_that_do_not_count(here: Door, issuer: Issuer) -> None:
    used, good = here.ticket(issuer.token()), here.ticket(issuer.token())
    with here.client(ticket=used) as client:
        client.read_all()
        before = here.stored()
        wrong = ["", "nonsense", WELL_FORMED, used, good[:-1], f"{good}x", "é", "x" * 5000]
        wrong += [issuer.token(), SERVICE_TOKEN, f"TICKET#{good}"]
        for ticket in wrong:
            shut(here.knock(ticket=ticket))
        shut(here.knock(token=good))
        shut(here.knock(token=SERVICE_TOKEN))
        shut(here.knock(token=issuer.token(), ticket=good))
        shut(here.knock())
        for ticket in (WELL_FORMED, used, "nonsense"):
            assert code(client.ask("authenticate", ticket=ticket)) == "UNAUTHORIZED"
        both = client.ask("authenticate", ticket=good, token=issuer.token())
        assert code(both) == "VALIDATION_ERROR"
        assert code(client.ask("authenticate")) == "VALIDATION_ERROR"
        assert here.stored() == before
        # None of these has used it up.
        assert client.ask("authenticate", ticket=good)["status"] == 200
        assert code(client.ask("authenticate", ticket=here.ticket(issuer.token("bob")))) == (
            "UNAUTHORIZED"
        )


def test_a_ticket_is_too_old_after_a_minute(here: Door, issuer: Issuer) -> None:
    ticket = here.ticket(issuer.token())
    here.clock.put_forward(61)
    shut(here.knock(ticket=ticket))


def test_on_aws_too(moto: str, clock: Later) -> None:
    issuer = with_rsa(clock)
    place = Place.fresh(moto)
    with (
        aws_set(place, "http://127.0.0.1:1", issuer.settings, clock) as running,
        FramesClient(running.socket_url, f"?token={issuer.token()}") as client,
        aws_client("dynamodb", moto) as table,
    ):
        client.read_all()
        here = Door(running, Path(), clock)

        def stored() -> set[str]:
            found = table.scan(TableName=place.table)["Items"]
            return {item["pk"]["S"] for item in found if not item["pk"]["S"].startswith("LIMIT#")}

        before = stored()
        for name in ("expired", "alg none", "confused keys", "unknown kid"):
            token = FORGED[name](issuer)
            shut(here.knock(token=token))
            refused(here.ask("GET", "/conversations", token))
        assert code(client.ask("authenticate", token=FORGED["expired"](issuer))) == "UNAUTHORIZED"
        ticket = here.ticket(issuer.token())
        with here.client(ticket=ticket) as other:
            assert other.ask("list_conversations")["status"] == 200
        shut(here.knock(ticket=ticket))
        assert len(stored() - before) <= 2
