"""What a person has: sessions, conversations, turns in every state, questions, tickets, cursors."""

from dataclasses import dataclass, field
from urllib.parse import quote

from shared.conversations.items import TURN_ID, turn_ref
from shared.conversations.prompts import prompt_id
from shared.ids import agent_uuid, new_id, pack, unpack
from tests.walls.people import NOBODY, Person
from tests.walls.town import Town

ASKED = {"agent_id": "assistant", "message": "over HTTP", "wait": 0}
"""The body of the request that bore a `turn_key`."""

UPLOAD = {"session_id": "none", "name": "a.txt", "mime_type": "text/plain", "size": 1}
"""The body of a request for a place."""

HEADER, LABEL = "Sure", "Yes"
"""What a form asks under, and an answer to it."""

VALUES = {"answers": [{"header": HEADER, "options": [LABEL]}]}


@dataclass(frozen=True)
class Asked:
    """A turn that waits for somebody. `id` is the approval's or the form's; a code has none, but
    is `code`."""

    session: str
    conversation: str
    id: str = ""
    code: str = ""


NOTHING = Asked("", "")


@dataclass
class Things:
    """By kind. `approvals` are for the person to decide, of which the last one has been decided;
    `by_role` is what their turn asks somebody with a role; `form` and `code` are for them to fill
    in; `delivery` is one of theirs that has died, `deletion` one that they have asked for. `shared`
    are those that belong to a conversation which all of the tenant share; `words` are what only
    their owner may be told."""

    person: Person
    connection: str
    sessions: list[str] = field(default_factory=list)
    conversations: list[str] = field(default_factory=list)
    turns: list[str] = field(default_factory=list)
    shared: list[str] = field(default_factory=list)
    approvals: list[Asked] = field(default_factory=list)
    by_role: Asked = NOTHING
    form: Asked = NOTHING
    code: Asked = NOTHING
    tickets: list[str] = field(default_factory=list)
    list_cursor: str = ""
    message_cursor: str = ""
    waiting_cursor: str = ""
    approval_cursor: str = ""
    delivery: str = ""
    delivery_cursor: str = ""
    deletion: str = ""
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
    def unanswered(self) -> set[str]:
        """The conversations in which no turn has ended."""
        waiting = (*self.approvals[:-1], self.by_role, self.form, self.code)
        return {self.conversations[1], *(each.conversation for each in waiting)}

    @property
    def unshared(self) -> "Things":
        """Without what all of the tenant share."""
        kept = {
            name: [each for each in getattr(self, name) if each not in self.shared]
            for name in ("sessions", "conversations", "turns")
        }
        return Things(**{**vars(self), **kept})


def marks(mine: Things) -> set[str]:
    """All that must not be shown to another person."""
    ids = {*mine.sessions, *mine.conversations, *mine.tickets}
    agents = {agent_uuid("assistant"), agent_uuid("club")}
    refs = {part for turn in mine.turns for part in unpack(TURN_ID, turn, 2)}
    asked = {each.id for each in (*mine.approvals, mine.by_role, mine.form)}
    found = {*ids, *refs, *asked, *mine.turns, *mine.words, mine.connection, mine.code.code}
    found |= {mine.delivery, mine.deletion}
    return found - agents - {""}


def never_turn() -> str:
    """The id of a turn that never was."""
    return pack(TURN_ID, new_id(), turn_ref(new_id(), "asked-by-nobody"))


def never_asked(kind: str) -> str:
    """The id of an approval or of a form that never was."""
    return prompt_id(new_id(), turn_ref(new_id(), "asked-by-nobody"), kind, "0-0", "0" * 32)


def nobodys_token(town: Town) -> str:
    return NOBODY.token(town.clock.now())
