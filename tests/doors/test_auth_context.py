"""authContext: for whom a site's backend may vouch, and for how long."""

import hashlib
import hmac
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.identity.contexts import WINDOW_SEC
from tests.doors.door import NOBODY, code, door
from tests.doors.issuers import Issuer
from tests.scenarios.clocks import Later
from tests.support.deployments import COMMON, TOKEN, Running, local_set
from tests.support.frames_client import Event, FramesClient

SECRET = "the-secret-of-the-site's-backend"
CONVERSATION = "conversationId"


class Site:
    """A deployment with AUTH_MODE=token, and the backend that vouches for people."""

    def __init__(self, running: Running, clock: Later, secret: str) -> None:
        self.running = running
        self.clock = clock
        self._secret = secret.encode()

    def context(self, user: str = "ann", age: int = 0, **more: Any) -> dict[str, Any]:
        """Signed `age` seconds ago."""
        timestamp = self.clock.now() // 1000 - age
        signed = f"{user}:{timestamp}".encode()
        signature = hmac.new(self._secret, signed, hashlib.sha256).hexdigest()
        return {"userId": user, "timestamp": timestamp, "signature": signature, **more}

    def client(self, user: str | None = None) -> FramesClient:
        return FramesClient(self.running.socket_url, f"?ticket={self.running.ticket(user)}")

    def vouch(self, client: FramesClient, context: dict[str, Any], **more: Any) -> Event:
        return client.ask(
            "create_conversation_session", agentId="assistant", authContext=context, **more
        )

    def outcome(self, context: dict[str, Any], opened_as: str | None = None) -> str:
        """What becomes of it on a fresh connection: "in", or the code."""
        with self.client(opened_as) as client:
            answer = self.vouch(client, context)
            return "in" if answer["type"] == "immediate_response" else code(answer)


@pytest.fixture(params=["AUTH_CONTEXT_SECRET", "SIGNING_SECRET"])
def secret(request: pytest.FixtureRequest) -> str:
    """Its own one, or the one that signs everything."""
    return str(request.param)


@pytest.fixture
def site(tmp_path: Path, clock: Later, secret: str) -> Iterator[Site]:
    own = {secret: SECRET} if secret == "AUTH_CONTEXT_SECRET" else {}
    with local_set(tmp_path, NOBODY, {**TOKEN, **own}, clock) as running:
        # The window is judged by whole seconds: the test's and the server's are the same.
        yield Site(running, clock, own.get(secret, COMMON["SIGNING_SECRET"]))


def test_who_vouches_for_whom_and_when(site: Site) -> None:
    second = site.clock.now() % 1000
    site.clock.put_forward(1.05 - second / 1000)
    upper = site.context("bob")
    upper["signature"] = upper["signature"].upper()
    assert site.outcome(site.context()) == "in"
    assert site.outcome(upper) == "in"
    assert site.outcome(site.context(age=WINDOW_SEC - 2)) == "in"
    assert site.outcome(site.context(age=2 - WINDOW_SEC)) == "in"
    assert site.outcome(site.context(age=WINDOW_SEC + 1)) == "AUTH_CONTEXT_INVALID"
    assert site.outcome(site.context(age=-WINDOW_SEC - 2)) == "AUTH_CONTEXT_INVALID"
    assert site.outcome(site.context("service")) == "AUTH_CONTEXT_INVALID"


def test_what_is_not_what_was_signed(site: Site) -> None:
    good = site.context()
    forged = {
        "another user": {"userId": "bob"},
        "another time": {"timestamp": good["timestamp"] - 1},
        "no signature of ours": {"signature": "0" * 64},
        "another secret": {
            "signature": hmac.new(
                b"x" * 32, f"ann:{good['timestamp']}".encode(), hashlib.sha256
            ).hexdigest()
        },
    }
    for wrong, change in forged.items():
        assert (wrong, site.outcome({**good, **change})) == (wrong, "AUTH_CONTEXT_INVALID")
    for broken in ({"signature": "00"}, {"timestamp": "now"}, {"userId": ""}, {"userId": None}):
        assert site.outcome({**good, **broken}) == "VALIDATION_ERROR"
    assert site.outcome(good) == "in"


def test_it_is_for_one_connection(site: Site) -> None:
    context = site.context()
    with site.client() as client:
        for _ in range(3):
            assert site.vouch(client, context)["status"] == 200
        assert site.outcome(context) == "AUTH_CONTEXT_INVALID"
        # A second of the same person, with another time, is another one.
        assert site.outcome(site.context(age=1)) == "in"
        assert site.vouch(client, context)["status"] == 200


def test_the_connection_acts_for_that_person_and_nobody_else(site: Site) -> None:
    with site.client("ann") as own:
        mine = own.open_session()[CONVERSATION]
    with site.client() as client:
        resumed = site.vouch(client, site.context("ann"), conversationId=mine)
        assert resumed["data"][CONVERSATION] == mine
        # It has sessions of ann's now.
        assert code(site.vouch(client, site.context("bob"))) == "CONFLICT"
        again = client.ask("create_conversation_session", agentId="assistant", conversationId=mine)
        assert again["data"][CONVERSATION] == mine
    with site.client() as client:
        other = site.vouch(client, site.context("bob"), conversationId=mine)
        assert other["data"][CONVERSATION] != mine


def test_a_connection_that_has_sessions_stays_whose_it_is(site: Site) -> None:
    with site.client("bob") as client:
        session = client.open_session()["sessionId"]
        context = site.context("ann")
        assert code(site.vouch(client, context)) == "CONFLICT"
        assert client.ask("get_session", sessionId=session)["status"] == 200
        assert site.vouch(client, site.context("bob"))["status"] == 200
        # What was refused has not been used up.
        assert site.outcome(context) == "in"


def test_where_people_bear_tokens_it_may_but_confirm_them(
    tmp_path: Path, issuer: Issuer, clock: Later
) -> None:
    with door(tmp_path, issuer, clock, AUTH_CONTEXT_SECRET=SECRET) as here:
        site = Site(here.running, clock, SECRET)

        def told(context: dict[str, Any]) -> Event:
            with here.client(token=issuer.token("ann", roles=["admin"])) as client:
                return site.vouch(client, context)

        assert told(site.context("ann"))["status"] == 200
        assert code(told(site.context("bob"))) == "AUTH_CONTEXT_INVALID"
        assert code(told(site.context("service"))) == "AUTH_CONTEXT_INVALID"
        assert code(told(site.context("ann", age=WINDOW_SEC + 2))) == "AUTH_CONTEXT_INVALID"
        # It confirms who ann is, and takes nothing from her.
        admins = [key for key, item in here.stored().items() if "admin" in str(item)]
        assert not [key for key in admins if key.startswith("CONTEXT#")]


def test_nothing_is_written_for_a_context_that_is_refused(
    tmp_path: Path, issuer: Issuer, clock: Later
) -> None:
    with door(tmp_path, issuer, clock, AUTH_CONTEXT_SECRET=SECRET) as here:
        site = Site(here.running, clock, SECRET)
        with here.client(token=issuer.token("ann")) as client:
            client.read_all()
            before = here.stored()
            assert code(site.vouch(client, site.context("bob"))) == "AUTH_CONTEXT_INVALID"
            assert code(site.vouch(client, site.context("ann", age=99))) == "AUTH_CONTEXT_INVALID"
            assert here.stored() == before
