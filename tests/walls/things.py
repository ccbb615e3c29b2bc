"""What a person has: sessions, conversations, turns in every state, tickets, cursors."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from shared.conversations.items import TURN_ID, box_key, turn_id, turn_ref
from shared.ids import agent_uuid, new_id, pack, unpack
from shared.mailbox.holder import Holder
from shared.mailbox.leases import Lease
from tests.walls.people import NOBODY, Person
from tests.walls.town import Town
from tests.web.site import model_error

_NEXT = re.compile(r"cursor=([^&>]+)")
ASKED = {"agent_id": "assistant", "message": "over HTTP", "wait": 0}
"""The body of the request that bore a `turn_key`."""


@dataclass
class Things:
    """By kind. `shared` are those that belong to a conversation which all of the tenant share;
    `words` are what only their owner may be told."""

    person: Person
    connection: str
    sessions: list[str] = field(default_factory=list)
    conversations: list[str] = field(default_factory=list)
    turns: list[str] = field(default_factory=list)
    shared: list[str] = field(default_factory=list)
    tickets: list[str] = field(default_factory=list)
    list_cursor: str = ""
    message_cursor: str = ""
    waiting_cursor: str = ""
    words: list[str] = field(default_factory=list)

    @property
    def request(self) -> str:
        """What their request ids begin with."""
        return f"asked-by-{self.person.tenant}-{self.person.user}"

    @property
    def turn_key(self) -> str:
        """With which they asked for a turn over HTTP."""
        return f"turn-{quote(self.request)}"

    @property
    def ticket_key(self) -> str:
        """With which they asked for a ticket."""
        return f"ticket-{quote(self.request)}"

    @property
    def session(self) -> str:
        """One whose conversation is at rest."""
        return self.sessions[0]

    @property
    def busy(self) -> str:
        """One whose conversation has turns that wait."""
        return self.sessions[1]

    @property
    def unshared(self) -> "Things":
        """Without what all of the tenant share."""
        kept = {
            name: [each for each in getattr(self, name) if each not in self.shared]
            for name in ("sessions", "conversations", "turns")
        }
        return Things(**{**vars(self), **kept})


def settle(town: Town, person: Person) -> Things:
    """Give this person one of everything."""
    mine = Things(person, town.connect(person))
    _at_rest(town, mine)
    _busy(town, mine)
    _failed(town, mine)
    _shared(town, mine)
    _over_http(town, mine)
    return mine


def _begin(town: Town, mine: Things, agent: str = "assistant") -> Mapping[str, Any]:
    ids = town.opened(mine.connection, agent, userEmail=f"{mine.person.user}@secret.example")
    mine.sessions.append(ids["sessionId"])
    mine.conversations.append(ids["conversationId"])
    return ids


def _ask(town: Town, mine: Things, ids: Mapping[str, Any], request: str, message: str) -> str:
    word = f"{message} of {mine.person.tenant} {mine.person.user}."
    answer = town.say(mine.connection, ids["sessionId"], request, word)
    assert answer["status"] == 202, answer
    mine.words.append(word)
    made = turn_id(ids["conversationId"], turn_ref(ids["sessionId"], request))
    mine.turns.append(made)
    return made


def _at_rest(town: Town, mine: Things) -> None:
    ids = _begin(town, mine)
    town.model.text = f"answer to {mine.person.tenant} {mine.person.user}."
    mine.words.append(town.model.text)
    for number in range(2):
        _ask(town, mine, ids, f"{mine.request}-{number}", f"question {number}")
        town.work()
    title = f"title of {mine.person.tenant} {mine.person.user}."
    about = {"conversationId": ids["conversationId"], "title": title}
    assert town.frame(mine.connection, "rename_conversation", **about)["status"] == 200
    mine.words.append(title)
    path = f"/conversations/{ids['conversationId']}/messages?limit=1"
    mine.message_cursor = _next(town, mine.person, path)


def _busy(town: Town, mine: Things) -> None:
    """One turn runs and two wait."""
    ids = _begin(town, mine)
    for number in range(3):
        _ask(town, mine, ids, f"{mine.request}-{number}", f"waiting {number}")
    town.queue.queued.clear()
    hold(town, mine.person.tenant, ids["conversationId"])
    path = f"/conversations/{ids['conversationId']}/messages?limit=1"
    mine.waiting_cursor = _next(town, mine.person, path)


def hold(town: Town, tenant: str, conversation: str) -> Lease:
    """Be the worker that runs this conversation's turn."""
    deployment = town.deployment
    holder = Holder(deployment.table, town.clock, deployment.timing)
    taken = holder.take(box_key(tenant, conversation), new_id())
    assert isinstance(taken, tuple)
    return taken[0]


def _failed(town: Town, mine: Things) -> None:
    ids = _begin(town, mine)
    town.model.fault = model_error("MODEL_REFUSED")
    _ask(town, mine, ids, mine.request, "failing")
    town.work()
    town.model.fault = None
    _ask(town, mine, ids, f"{mine.request}-stopped", "stopping")
    about = {"sessionId": ids["sessionId"], "requestId": f"{mine.request}-stopped"}
    town.send(mine.connection, "cancel", **about)
    town.work()


def _shared(town: Town, mine: Things) -> None:
    ids = _begin(town, mine, "club")
    turn = _ask(town, mine, ids, mine.request, "to the club")
    town.work()
    mine.shared += [ids["sessionId"], ids["conversationId"], turn]


def _over_http(town: Town, mine: Things) -> None:
    answer = town.request(
        mine.person, "POST", "/executor/turns", ASKED, Idempotency_Key=mine.turn_key
    )
    assert answer.status == 202, answer
    mine.turns.append(answer.body["turn_id"])
    mine.sessions.append(answer.body["session_id"])
    mine.conversations.append(unpack(TURN_ID, mine.turns[-1], 2)[0])
    town.work()
    mine.list_cursor = _next(town, mine.person, "/conversations?limit=1")
    for headers in ({"Idempotency_Key": mine.ticket_key}, {}):
        ticket = town.request(mine.person, "POST", "/tickets", **headers)
        mine.tickets.append(ticket.body["ticket"])
    # One that has been used.
    town.connect(ticket=mine.tickets[-1])


def _next(town: Town, person: Person, path: str) -> str:
    answer = town.request(person, "GET", path)
    found = _NEXT.search(answer.headers["link"])
    assert found is not None
    return found[1]


def marks(mine: Things) -> set[str]:
    """All that must not be shown to another person."""
    ids = {*mine.sessions, *mine.conversations, *mine.tickets}
    agents = {agent_uuid("assistant"), agent_uuid("club")}
    refs = {part for turn in mine.turns for part in unpack(TURN_ID, turn, 2)}
    return {*ids, *refs, *mine.turns, *mine.words, mine.connection} - agents


def never_turn() -> str:
    """The id of a turn that never was."""
    return pack(TURN_ID, new_id(), turn_ref(new_id(), "asked-by-nobody"))


def nobodys_token(town: Town) -> str:
    return NOBODY.token(town.clock.now())
