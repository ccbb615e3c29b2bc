"""AUTH_JWT_SINGLE_USE=true: a token in a URL opens one connection."""

from collections.abc import Mapping
from pathlib import Path

from tests.doors.door import NOBODY, Door, Present, code, door
from tests.doors.issuers import with_secret
from tests.doors.other_process import Query, admitted
from tests.identity.token_samples import MISSING
from tests.scenarios.clocks import Later
from tests.support.deployments import COMMON, Place, aws_set
from tests.support.frames_client import FramesClient

ONCE = {"AUTH_JWT_SINGLE_USE": "true"}


def test_one_connection_and_before_it_any_number_of_requests(tmp_path: Path, clock: Later) -> None:
    issuer = with_secret(clock)
    with door(tmp_path, issuer, clock, **ONCE) as here:
        token = issuer.token()
        for _ in range(3):
            assert here.ask("GET", "/conversations", token).status == 200
        with here.client(token=token) as client:
            assert client.ask("list_conversations")["status"] == 200
            before = here.stored()
            assert here.knock(token=token).status == 401
            assert here.stored() == before
        assert here.knock(token=token).status == 401
        # It stood in a URL, so whoever bears it now may have read it there.
        assert here.ask("GET", "/conversations", token).status == 401
        assert here.ask("POST", "/tickets", token).status == 401
        # Whoever made it made another one with the same id, too.
        assert here.knock(token=issuer.token("ann", jti="x")).status == 101
        assert here.knock(token=issuer.token("bob", jti="x")).status == 401
        assert here.knock(token=issuer.token(jti=MISSING)).status == 401


def test_it_renews_one_connection(tmp_path: Path, clock: Later) -> None:
    issuer = with_secret(clock)
    with door(tmp_path, issuer, clock, **ONCE) as here:
        first, fresh = issuer.token(), issuer.token()
        with here.client(token=first) as one, here.client(token=issuer.token()) as two:
            assert one.ask("authenticate", token=fresh)["status"] == 200
            # The answer may have been lost: again on the same connection is the same.
            assert one.ask("authenticate", token=fresh)["status"] == 200
            assert code(two.ask("authenticate", token=fresh)) == "UNAUTHORIZED"
        assert here.knock(token=fresh).status == 401


def used_once(here: Door, used: Query, unused: Query, variables: Mapping[str, str]) -> None:
    """What was used here lets nobody in elsewhere, and the other way round."""
    assert admitted([used, unused, unused], variables) == [401, 200, 401]
    assert here.knock(**unused).status == 401


def test_across_processes_that_share_a_file(tmp_path: Path) -> None:
    clock = Present()
    issuer = with_secret(clock)
    here_first, there_first = issuer.token(), issuer.token()
    with door(tmp_path, issuer, clock, **ONCE) as here:
        with here.client(token=here_first) as client:
            client.read_all()
        variables = {**issuer.settings, **ONCE, "WORKSPACE_BASE": str(tmp_path)}
        used_once(here, {"token": here_first}, {"token": there_first}, variables)
        here_first, there_first = (here.ticket(issuer.token()) for _ in range(2))
        with here.client(ticket=here_first) as client:
            client.read_all()
        used_once(here, {"ticket": here_first}, {"ticket": there_first}, variables)


def test_across_processes_that_share_a_table(moto: str) -> None:
    clock = Present()
    issuer, place = with_secret(clock), Place.fresh(moto)
    here_first, there_first = issuer.token(), issuer.token()
    settings = {**issuer.settings, **ONCE}
    with aws_set(place, NOBODY, settings, clock) as running:
        with FramesClient(running.socket_url, f"?token={here_first}") as client:
            client.read_all()
        variables = {**settings, **COMMON, **place.variables, **place.environment}
        variables["CONNECTIONS_URL"] = running.url
        here = Door(running, Path(), clock)
        used_once(here, {"token": here_first}, {"token": there_first}, variables)
        here_first, there_first = (here.ticket(issuer.token()) for _ in range(2))
        with here.client(ticket=here_first) as client:
            client.read_all()
        used_once(here, {"ticket": here_first}, {"ticket": there_first}, variables)
