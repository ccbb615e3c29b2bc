"""How things are asked for: pairs of an id that another person has and one that never was."""

import base64
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from shared.conversations.items import TURN_ID
from shared.ids import new_id, pack, unpack
from tests.walls.people import NOBODY
from tests.walls.seen import Visit
from tests.walls.things import (
    ASKED,
    Things,
    never_turn,
    nobodys_token,
)
from tests.walls.town import Town

Pair = tuple[str, str]
Pairs = Callable[[Town, Things, Things], Sequence[Pair]]
"""Ids of somebody else with ids of nothing, given the town, what they have and what one has."""


@dataclass(frozen=True)
class Probe:
    """One way to name something. `ask` sends the id. `attached`: the connection uses a session
    of the caller's. `same`: its owner too gets the answer that everybody gets."""

    pairs: Pairs
    ask: Callable[[Visit, str], object]
    attached: bool = False
    same: bool = False


# -- pairs ----------------------------------------------------------------------------------


def sessions(_: Town, theirs: Things, __: Things) -> list[Pair]:
    return [(each, new_id()) for each in theirs.sessions]


def conversations(_: Town, theirs: Things, __: Things) -> list[Pair]:
    return [(each, new_id()) for each in theirs.conversations]


def turns(_: Town, theirs: Things, mine: Things) -> list[Pair]:
    """Theirs, such in which one half is the caller's own, and such that name no turn."""
    whole = [(each, never_turn()) for each in theirs.turns]
    own, ref = unpack(TURN_ID, mine.turns[0], 2)
    never, never_ref = unpack(TURN_ID, never_turn(), 2)
    for each in theirs.turns[:2]:
        other, other_ref = unpack(TURN_ID, each, 2)
        whole.append((pack(TURN_ID, own, other_ref), pack(TURN_ID, own, never_ref)))
        whole.append((pack(TURN_ID, other, ref), pack(TURN_ID, never, ref)))
        whole.append((pack(TURN_ID, other, "META"), pack(TURN_ID, never, "META")))
    return whole


def requests(_: Town, theirs: Things, __: Things) -> list[Pair]:
    given = [f"{theirs.request}-{ending}" for ending in ("0", "stopped")]
    return [(each, _other(each)) for each in given]


def waiting(number: int) -> Pairs:
    """A request that waits; another one than the caller may have sent something with by now."""

    def pairs(_: Town, theirs: Things, __: Things) -> list[Pair]:
        given = f"{theirs.request}-{number}"
        return [(given, _other(given))]

    return pairs


def _other(text: str) -> str:
    """Another text of the same length."""
    return f"never-{secrets.token_hex(len(text))}"[: len(text)]


def list_cursors(_: Town, theirs: Things, __: Things) -> list[Pair]:
    """The never one stands at the same time."""
    time = _text(theirs.list_cursor).partition("|")[0]
    return [(theirs.list_cursor, _cursor(f"{time}|{new_id()}"))]


def message_cursors(_: Town, theirs: Things, __: Things) -> list[Pair]:
    """The numbered one names a position in every log alike; the waiting one names a message."""
    waiting = _text(theirs.waiting_cursor)
    assert waiting[0] == "w"
    never = waiting[:15] + new_id()[14:]
    return [(theirs.waiting_cursor, _cursor(never)), (theirs.message_cursor, theirs.message_cursor)]


def _text(cursor: str) -> str:
    return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()


def _cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def searches(_: Town, theirs: Things, __: Things) -> list[Pair]:
    """What stands in a first message, and what in a title."""
    found = [word for word in theirs.words if word.startswith(("question 0", "title"))]
    return [(word, _other(word)) for word in sorted(found)]


def tickets(_: Town, theirs: Things, __: Things) -> list[Pair]:
    return [(each, secrets.token_urlsafe(32)) for each in theirs.tickets]


def tokens(town: Town, theirs: Things, __: Things) -> list[Pair]:
    return [(theirs.person.token(town.clock.now()), nobodys_token(town))]


def users(_: Town, theirs: Things, __: Things) -> list[Pair]:
    """For `X-On-Behalf-Of`, which no signed token may bring, whomever it names."""
    return [(theirs.person.user, NOBODY.user)]


def vouched(_: Town, theirs: Things, mine: Things) -> list[Pair]:
    """Whoever is called the same is named herself, in her own tenant."""
    same = theirs.person.user == mine.person.user
    return [] if same else [(theirs.person.user, NOBODY.user)]


def addresses(_: Town, theirs: Things, __: Things) -> list[Pair]:
    """What a client says of its user is noted, and believed by nobody."""
    return [(str(theirs.person.email), "zoe@nobody.example")]


def turn_keys(_: Town, theirs: Things, __: Things) -> list[Pair]:
    return [(theirs.turn_key, _other(theirs.turn_key))]


def ticket_keys(_: Town, theirs: Things, __: Things) -> list[Pair]:
    return [(theirs.ticket_key, _other(theirs.ticket_key))]


# -- ways to ask ----------------------------------------------------------------------------


def by_frame(action: str, field: str, pairs: Pairs, **more: str) -> Probe:
    """A frame with the id in this field."""

    def ask(visit: Visit, sent: str) -> None:
        visit.frame(action, **{"requestId": "q", **more, field: sent})

    return Probe(pairs, ask, same=pairs is addresses)


def in_session(action: str, field: str, pairs: Pairs, *, same: bool = False) -> Probe:
    """The same in a session of the caller's own, in which messages wait."""

    def ask(visit: Visit, sent: str) -> None:
        named = {"requestId": "q", "sessionId": visit.mine.busy, "message": "Hello"}
        visit.frame(action, **{**named, field: sent})

    return Probe(pairs, ask, same=same)


def by_request(
    method: str, path: str, pairs: Pairs, body: object = None, *, same: bool = False
) -> Probe:
    """A request with the id in its path or query, where `{}` stands."""
    return Probe(
        pairs, lambda visit, sent: visit.request(method, path.format(quote(sent)), body), same=same
    )


def by_header(method: str, path: str, header: str, pairs: Pairs, body: object = None) -> Probe:
    """A request with the id in this header; `path` may have the caller's own ids."""

    def ask(visit: Visit, sent: str) -> None:
        mine = visit.mine
        where = path.format(turn=mine.turns[0], conversation=mine.conversations[0])
        visit.request(method, where, body, **{header: sent})

    return Probe(pairs, ask, same=pairs is users)


def by_body(field: str, pairs: Pairs) -> Probe:
    """A turn over HTTP with the id in its body."""
    return Probe(
        pairs,
        lambda visit, sent: visit.request("POST", "/executor/turns", {**ASKED, field: sent}),
    )
