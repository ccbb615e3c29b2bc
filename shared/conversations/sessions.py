"""Sessions: beginning a conversation, and coming back to one."""

from collections.abc import Mapping
from typing import Any, Protocol

from shared.clock import Clock
from shared.conversations.connections import Connections, not_attached, readable
from shared.conversations.items import (
    STANDS,
    Connection,
    Session,
    begun_key,
    box_key,
    conversation_thing,
    known_session_key,
    living,
    meta_key,
    participant,
    session_key,
)
from shared.conversations.options import TurnOptions
from shared.conversations.variables import SkillText, Speaking, Variables, kept, no_skills
from shared.errors import NotFound
from shared.identity.access import may, own
from shared.identity.principal import SERVICE, Principal
from shared.ids import agent_uuid, new_id
from shared.mailbox.listeners import new_box
from shared.mailbox.requests import Requests
from shared.protocol.replies import SessionIds
from shared.runner.own import Own
from shared.storage.expressions import ABSENT
from shared.storage.table import Check, ConditionFailed, Item, Operation, Put, Table


class _Deleted(Exception):
    """The conversation that was come back to is being deleted."""


class Named(Protocol):
    """An agent, as far as a session needs to know it."""

    @property
    def id(self) -> str: ...

    @property
    def name(self) -> str: ...


class Begun(Named, Speaking, Protocol):
    """An agent, as far as a conversation begins with it."""

    @property
    def shared_conversations(self) -> bool:
        """Whether all users of the tenant take part in conversations with it."""
        ...


class Sessions:
    """Opens sessions. The agent has been looked up by the caller; `skill` reads its skills."""

    def __init__(
        self,
        table: Table,
        clock: Clock,
        requests: Requests,
        connections: Connections,
        *,
        skill: SkillText = no_skills,
        keep: int | None = None,
    ) -> None:
        """`keep` is for how long (ms) a conversation is kept that nobody uses; None: for ever."""
        self._table = table
        self._clock = clock
        self._requests = requests
        self._connections = connections
        self._variables = Variables(skill)
        self._keep = keep

    def open(
        self,
        principal: Principal,
        agent: Begun,
        *,
        connection: Connection | None = None,
        conversation: str | None = None,
        session_id: str | None = None,
        supports: tuple[str, ...] | None = None,
        user_name: str = "",
        variables: Mapping[str, str] | None = None,
        overrides: Mapping[str, str] | None = None,
        skill: str | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Session:
        """A new session, of the given conversation if this principal may read it; otherwise,
        without a word, of a fresh one. With `session_id` a repeat opens nothing new. `variables`
        and `overrides` are its own; None is what the conversation began with. `skill` is what its
        first message asks for, if it begins with one.

        Raises:
            NotFound: this principal may begin none.
            ConflictError: the connection has too many sessions, or is gone.
            ValidationError: a variable is unknown or missing, or the agent does not allow an
                override; `details` name it.
        """
        if not may(principal, "create", own(principal)):
            raise NotFound("There is no such agent.", code="AGENT_NOT_FOUND")
        resumed, before = None, Own()
        if conversation:
            resumed, before = self._resumed(principal, conversation)
        given = self._variables.begin(
            agent, before, variables=variables, overrides=overrides, skill=skill
        )
        inherited = tuple(resumed.attrs.get("supports", ())) if resumed else ()
        session = Session(
            id=session_id or new_id(),
            tenant=principal.tenant,
            user=_user(principal, resumed),
            conversation=conversation if resumed and conversation else new_id(),
            agent=agent.id,
            agent_name=agent.name,
            supports=inherited if supports is None else supports,
            user_name=user_name,
            own=given,
        )
        shared = agent.shared_conversations
        meta = None if resumed else self._meta(session, shared=shared)
        try:
            return self._write(session, connection, meta, extra)
        except _Deleted:
            # It was deleted while it was come back to: a fresh one, as without it.
            return self.open(
                principal,
                agent,
                connection=connection,
                session_id=session_id,
                supports=supports,
                user_name=user_name,
                variables=variables,
                overrides=overrides,
                skill=skill,
                extra=extra,
            )

    def check(self, session: Session, agent: Speaking, options: TurnOptions) -> None:
        """Whether a message in the session may choose this.

        Raises:
            ValidationError: not this model, or these variables or overrides; `details` name what
                is wrong.
            NotFound: SKILL_NOT_FOUND: the agent has no such skill.
        """
        self._variables.check(agent, session.own, options)

    def agent_of(self, principal: Principal, conversation: str) -> str | None:
        """The agent with whom a conversation began; None if this principal may not read it."""
        meta = self._readable(principal, conversation)
        return str(meta.attrs["agent"]) if meta else None

    def find(self, principal: Principal, session: str) -> Session | None:
        """The session, if it exists and this principal may use it."""
        return readable(principal, session, self._table.get([session_key(session)])[0])

    def _write(
        self,
        session: Session,
        connection: Connection | None,
        meta: Item | None,
        extra: Mapping[str, Any] | None,
    ) -> Session:
        """Write it, with the conversation if that begins with it; the session that stands, which
        is an earlier one when this is a repeat."""
        now = self._clock.now()
        heard_by = connection.hears(session) if connection else None
        known = Item(known_session_key(session.box, session.id))
        writes: list[Operation] = [Put(session.item(now, extra), ABSENT), Put(known)]
        if meta:
            look_at = None if self._keep is None else now + self._keep
            box = new_box(session.box, self._clock, heard_by, next_at=look_at)
            writes += [Put(meta, ABSENT), box, *kept(session.box, session.own)]
        else:
            writes.append(Check(meta_key(session.box), STANDS))
        if connection:
            writes.append(self._connections.attach(connection, session))
        try:
            self._table.write(writes)
        except ConditionFailed as failed:
            standing = failed.failures.get(0)
            if standing is not None:
                return Session.read(session.id, standing)
            if meta is None and 2 in failed.failures:
                raise _Deleted from failed
            raise not_attached(failed.failures.get(len(writes) - 1)) from failed
        if heard_by and not meta:
            self._requests.attach(session.box, heard_by)
        return session

    def _meta(self, session: Session, *, shared: bool) -> Item:
        attrs: dict[str, Any] = {
            "owner": session.user,
            "agent": session.agent,
            "count": 0,
            "created_at": self._clock.now(),
            "supports": list(session.supports),
        }
        if shared:
            attrs["shared"] = True
        if session.own.to_dict():
            attrs["begun"] = True
        return Item(meta_key(session.box), attrs)

    def _resumed(self, principal: Principal, conversation: str) -> tuple[Item | None, Own]:
        """The conversation that is come back to, and what it began with."""
        meta = self._readable(principal, conversation)
        if meta is None or not meta.attrs.get("begun"):
            return meta, Own()
        # Not with the other: a large one takes long to read, which would tell that there is one.
        begun = self._table.get([begun_key(box_key(principal.tenant, conversation))])[0]
        return meta, Own.from_dict((begun.body if begun else None) or {})

    def _readable(self, principal: Principal, conversation: str) -> Item | None:
        meta = living(self._table.get([meta_key(box_key(principal.tenant, conversation))])[0])
        if meta is None:
            return None
        # A session is for taking part, so reading is not enough.
        allowed = may(principal, "write", conversation_thing(principal.tenant, meta))
        return meta if allowed else None


def _user(principal: Principal, resumed: Item | None) -> str:
    """Whose a session is. One that a service opens for somebody else's conversation is for its
    owner to go on with."""
    if resumed is not None and principal.has_role(SERVICE):
        return str(resumed.attrs["owner"])
    return principal.user


def wire_ids(session: Session) -> SessionIds:
    """The session's ids as clients see them."""
    return SessionIds(
        session=session.id,
        conversation=session.conversation,
        agent=agent_uuid(session.agent),
        agent_name=session.agent_name,
        user_participant=participant(session.conversation, "user"),
        agent_participant=participant(session.conversation, "agent"),
    )
