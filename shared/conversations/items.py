"""What a conversation is made of, as values and as items of the table.

CONV#tenant#id / META           the conversation: owner, agent, number of messages
CONV#tenant#id / BEGUN          what it began with for its agent's texts, if anything
CONV#tenant#id / MSG#number     the log
CONV#tenant#id / TURN#session#requestId
CONV#tenant#id / SESSION#id     that this session is of it
BOX#conv#tenant#id              its mailbox
SESS#id, CONN#id                found by random ids; the tenant is compared on read
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from shared.identity.access import Thing
from shared.identity.principal import Principal
from shared.ids import pack
from shared.mailbox.box import BoxKey, key_part
from shared.mailbox.listeners import Listener
from shared.runner.own import Own
from shared.storage.expressions import EXISTS, attr
from shared.storage.table import Item, Key

KIND = "conv"
TURN_ID = "turn"
META = "META"
SESSION = "SESSION#"
DELETING = "deleting"
"""The attribute of META by which a conversation is being deleted."""

STANDS = EXISTS & attr(DELETING).absent()
"""The condition of META that it is not."""

CONNECTION_SECONDS = 24 * 3600
"""A connection lives two hours at most; its item goes even if nobody said that it closed."""


def box_key(tenant: str, conversation: str) -> BoxKey:
    """The mailbox of a conversation, and by it the partition of its log."""
    return BoxKey(KIND, tenant, conversation)


def meta_key(box: BoxKey) -> Key:
    return Key(box.partition, META)


def begun_key(box: BoxKey) -> Key:
    return Key(box.partition, "BEGUN")


def living(meta: Item | None) -> Item | None:
    """The conversation, unless it is being deleted: then it is for nobody any more."""
    return None if meta is None or DELETING in meta.attrs else meta


def known_session_key(box: BoxKey, session: str) -> Key:
    """That the session is of the conversation."""
    return Key(box.partition, f"{SESSION}{session}")


def session_key(session: str) -> Key:
    return Key(f"SESS#{key_part(session)}", "SESS")


def connection_key(connection: str) -> Key:
    return Key(f"CONN#{key_part(connection)}", "CONN")


def turn_ref(session: str, request_id: str) -> str:
    """The sort key of a turn: the same request of the same session is the same turn."""
    return f"TURN#{session}#{request_id}"


def turn_session(ref: str) -> str:
    """The session of the turn with this sort key; empty for what is no turn."""
    kind, _, rest = ref.partition("#")
    return rest.partition("#")[0] if kind == "TURN" else ""


def turn_id(conversation: str, ref: str) -> str:
    """The id under which callers know a turn."""
    return pack(TURN_ID, conversation, ref)


def owned_by(tenant: str, user: str) -> str:
    """Under what an owner's conversations stand in the index."""
    return f"CONV#{key_part(tenant)}#{key_part(user)}"


def listener_name(session: str, connection: str) -> str:
    """How a connection stands in its mailbox: a turn streams to the listeners of its session."""
    return f"{session}/{connection}"


def conversation_thing(tenant: str, meta: Item) -> Thing:
    """A conversation, as far as it matters to who may do what with it."""
    return Thing(
        tenant=tenant, owner=meta.attrs["owner"], shared=bool(meta.attrs.get("shared", False))
    )


def participant(conversation: str, role: str) -> str:
    """The id under which the user or the agent of a conversation appears on the wire."""
    return str(uuid.uuid5(uuid.UUID(conversation), role))


@dataclass(frozen=True, kw_only=True)
class Connection:
    """An open WebSocket. `until` (ms) is when its client must have authenticated again; None:
    never. `origin` is the web page's, if it is a browser. `attached` maps its sessions to their
    conversations; `window` and `frames` count what it sent in the current minute, `credentials`
    how often its client has said anew who it is."""

    id: str
    principal: Principal
    until: int | None = None
    agent: str | None = None
    origin: str | None = None
    since: int = 0
    attached: Mapping[str, str] = field(default_factory=dict[str, str])
    window: int = 0
    frames: int = 0
    credentials: int = 0

    @property
    def body(self) -> dict[str, Any]:
        """What does not change with its frames."""
        return {
            "principal": self.principal.to_dict(),
            "until": self.until,
            "agent": self.agent,
            "origin": self.origin,
            "since": self.since,
        }

    @property
    def item(self) -> Item:
        """As it is when it has just been opened."""
        attrs = {"window": 0, "frames": 0, "attached": {}, "credentials": 0}
        ttl = self.since // 1000 + CONNECTION_SECONDS
        return Item(connection_key(self.id), attrs, self.body, ttl=ttl)

    def hears(self, session: "Session") -> Listener:
        """The connection as a listener of the session's mailbox."""
        return Listener(listener_name(session.id, self.id), self.until)

    @classmethod
    def read(cls, connection: str, item: Item) -> Self:
        body = item.body or {}
        return cls(
            id=connection,
            principal=Principal.from_dict(body["principal"]),
            until=body.get("until"),
            agent=body["agent"],
            origin=body.get("origin"),
            since=body.get("since", 0),
            attached=item.attrs.get("attached", {}),
            window=item.attrs.get("window", 0),
            frames=item.attrs.get("frames", 0),
            credentials=item.attrs.get("credentials", 0),
        )


@dataclass(frozen=True, kw_only=True)
class Session:
    """A client's attachment to a conversation. `own` is what its turns are asked with, but for
    what a message brings."""

    id: str
    tenant: str
    user: str
    conversation: str
    agent: str
    agent_name: str
    supports: tuple[str, ...] = ()
    user_name: str = ""
    own: Own = field(default_factory=Own)

    @property
    def box(self) -> BoxKey:
        return box_key(self.tenant, self.conversation)

    @property
    def thing(self) -> Thing:
        return Thing(tenant=self.tenant, owner=self.user)

    def item(self, now: int, extra: Mapping[str, Any] | None = None) -> Item:
        attrs = {"tenant": self.tenant, "user": self.user}
        body = {
            "conversation": self.conversation,
            "agent": self.agent,
            "agent_name": self.agent_name,
            "supports": list(self.supports),
            "user_name": self.user_name,
            "created_at": now,
            **self.own.to_dict(),
            **(extra or {}),
        }
        return Item(session_key(self.id), attrs, body)

    @classmethod
    def read(cls, session: str, item: Item) -> Self:
        body = item.body or {}
        return cls(
            id=session,
            tenant=item.attrs["tenant"],
            user=item.attrs["user"],
            conversation=body["conversation"],
            agent=body["agent"],
            agent_name=body["agent_name"],
            supports=tuple(body.get("supports", ())),
            user_name=body.get("user_name", ""),
            own=Own.from_dict(body),
        )
