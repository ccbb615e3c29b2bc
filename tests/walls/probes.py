"""How things are asked for, by an id of somebody else or by one that never was."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from shared.runner.prompts import INTERACTION
from tests.walls.pairs import Pairs, addresses, users
from tests.walls.seen import Visit
from tests.walls.things import ASKED


@dataclass(frozen=True)
class Probe:
    """One way to name something. `ask` sends the id. `attached`: the connection uses a session
    of the caller's. `same`: its owner too gets the answer that everybody gets."""

    pairs: Pairs
    ask: Callable[[Visit, str], object]
    attached: bool = False
    same: bool = False


def by_frame(action: str, field: str, pairs: Pairs, **more: Any) -> Probe:
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


def where_it_waits(action: str, field: str, pairs: Pairs, kind: str, **more: Any) -> Probe:
    """The same in a session of the caller's own that waits for an answer of that kind."""

    def ask(visit: Visit, sent: str) -> None:
        mine = visit.mine
        session = mine.form.session if kind == INTERACTION else mine.approvals[1].session
        visit.frame(action, **{"requestId": "q", "sessionId": session, **more, field: sent})

    return Probe(pairs, ask)


def with_session(action: str, field: str, pairs: Pairs, **more: Any) -> Probe:
    """A frame with the id in this field, and with the session that comes before it."""

    def ask(visit: Visit, sent: str) -> None:
        session, _, named = sent.partition(" ")
        visit.frame(action, **{"requestId": "q", "sessionId": session, **more, field: named})

    return Probe(pairs, ask)


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
        where = path.format(
            turn=mine.turns[0],
            conversation=mine.conversations[0],
            approval=mine.approvals[0].id,
            agent="assistant",
            delivery=mine.delivery,
            deletion=mine.deletion,
            user=quote(mine.person.user),
            tenant=mine.person.tenant,
            path="a.txt",
        )
        visit.request(method, where, body, **{header: sent})

    return Probe(pairs, ask, same=pairs is users)


def by_body(field: str, pairs: Pairs) -> Probe:
    """A turn over HTTP with the id in its body."""
    return Probe(
        pairs,
        lambda visit, sent: visit.request("POST", "/executor/turns", {**ASKED, field: sent}),
    )
