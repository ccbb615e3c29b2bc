"""Who a connection is may change while other frames of it are under way: none of them mixes up two
people."""

import hashlib
import hmac
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from shared.conversations.authentication import Authentication
from shared.conversations.items import Connection
from shared.errors import ConflictError, Unauthorized
from shared.identity.contexts import AuthContext, AuthContexts
from shared.identity.credentials import Authenticator, Verifier
from shared.identity.principal import Credential, Principal
from shared.identity.tickets import Tickets
from shared.settings import Settings
from tests.conversations.pieces import ANNA, BEN, SERVICE, Pieces, pieces_in

SECRET = "a-secret-that-vouches-for-people"
ADMIN = Principal("acme", "anna", frozenset({"user", "admin"}))


@pytest.fixture
def pieces(tmp_path: Path) -> Iterator[Pieces]:
    with pieces_in(tmp_path) as made:
        yield made


@pytest.fixture
def tickets(pieces: Pieces) -> Tickets:
    return Tickets(pieces.table, pieces.clock)


@pytest.fixture
def authentication(pieces: Pieces, tickets: Tickets) -> Authentication:
    def nobody() -> Verifier:
        raise AssertionError("nothing is signed here")

    authenticator = Authenticator(Settings.load({"SERVICE_TOKEN": "t" * 16}), nobody)
    contexts = AuthContexts(SecretStr(SECRET), pieces.clock, only_same=False)
    return Authentication(
        pieces.table, pieces.connections, authenticator, tickets, lambda: contexts
    )


def context(pieces: Pieces, user: str) -> AuthContext:
    seconds = pieces.clock.now() // 1000
    text = f"{user}:{seconds}".encode()
    signature = hmac.new(SECRET.encode(), text, hashlib.sha256).hexdigest()
    return AuthContext(user=user, timestamp=seconds, signature=signature)


def ticket(tickets: Tickets, principal: Principal) -> str:
    credential = Credential(principal=principal)
    return tickets.issue(credential, signing_secret=SECRET)[0]


def test_of_two_people_at_once_it_becomes_one(
    pieces: Pieces, authentication: Authentication
) -> None:
    seen = pieces.connect("k", SERVICE)
    assert authentication.acting_for(seen, context(pieces, "ann")).principal.user == "ann"
    with pytest.raises(ConflictError, match="Open another one"):
        authentication.acting_for(seen, context(pieces, "bob"))
    assert pieces.connection("k").principal.user == "ann"


def test_a_session_is_not_opened_for_whom_it_was(
    pieces: Pieces, authentication: Authentication
) -> None:
    seen = pieces.connect("k", SERVICE)
    authentication.acting_for(seen, context(pieces, "ann"))
    with pytest.raises(ConflictError, match="said anew who it is") as refused:
        pieces.session(SERVICE, connection=seen)
    assert refused.value.is_retryable
    assert pieces.connection("k").attached == {}


def test_the_session_of_the_very_frame_that_says_who_is_opened(
    pieces: Pieces, authentication: Authentication
) -> None:
    now = authentication.acting_for(pieces.connect("k", SERVICE), context(pieces, "ann"))
    session = pieces.session(now.principal, connection=now)
    assert (session.user, list(pieces.connection("k").attached)) == ("ann", [session.id])


def test_a_renewal_does_not_bring_the_former_one_back(
    pieces: Pieces, authentication: Authentication, tickets: Tickets
) -> None:
    seen = pieces.connect("k", SERVICE)
    authentication.acting_for(seen, context(pieces, "ann"))
    with pytest.raises(Unauthorized):
        authentication.renew(seen, ticket=ticket(tickets, SERVICE))
    assert pieces.connection("k").principal.user == "ann"


def test_two_renewals_at_once_both_take_effect(
    pieces: Pieces, authentication: Authentication, tickets: Tickets
) -> None:
    seen = pieces.connect("k", ADMIN)
    authentication.renew(seen, ticket=ticket(tickets, ADMIN))
    authentication.renew(seen, ticket=ticket(tickets, ANNA))
    found = pieces.connection("k")
    assert (found.principal, found.credentials) == (ANNA, 2)


def test_frames_under_way_are_not_counted_for_somebody_else(
    pieces: Pieces, authentication: Authentication
) -> None:
    seen = pieces.connect("k", SERVICE)
    authentication.acting_for(seen, context(pieces, "ann"))
    with pytest.raises(Unauthorized):
        pieces.connections.count(seen)


def test_a_renewal_holds_no_frame_up(
    pieces: Pieces, authentication: Authentication, tickets: Tickets
) -> None:
    session = pieces.session(ANNA, connection=pieces.connect("k"))
    seen = pieces.connection("k")
    authentication.renew(seen, ticket=ticket(tickets, ANNA))
    pieces.connections.count(seen, session)
    assert pieces.connection("k").frames == 1


def test_a_closed_connection_is_nobody(
    pieces: Pieces, authentication: Authentication, tickets: Tickets
) -> None:
    seen = pieces.connect("k")
    pieces.connections.closed("k")
    with pytest.raises(Unauthorized):
        authentication.renew(seen, ticket=ticket(tickets, ANNA))
    assert pieces.connections.get("k") is None


def test_who_asks_again_uses_the_session(pieces: Pieces) -> None:
    """So it counts among those of the connection, and is left when that closes."""
    session = pieces.session(ANNA)
    pieces.connections.count(pieces.connect("k"), session)
    assert dict(pieces.connection("k").attached) == {session.id: session.conversation}


def test_others_do_not(pieces: Pieces) -> None:
    other: Connection = pieces.connect("b", BEN)
    pieces.connections.count(other)
    assert dict(pieces.connection("b").attached) == {}
