"""Which agent is meant: by its id, or by its UUID on the wire."""

import logging
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

from shared.backends.bounded import BoundedCache
from shared.backends.control_plane import AgentConfig, ControlPlaneFault, NotThere
from shared.ids import agent_uuid

if TYPE_CHECKING:
    from shared.backends.last_good import AgentPlane, LastGood

MAX_AGENTS = 1000
"""Agents of a tenant that are listed, and searched for a UUID."""

MAX_KNOWN = 1024
PAGE = 100
MAX_PAGES = 100

log = logging.getLogger("parley")


class AgentIds:
    """The agents of `plane`. With `last_good`, an agent of which there is a copy is found by its
    UUID while the plane is out."""

    def __init__(self, plane: "AgentPlane", last_good: "LastGood | None") -> None:
        self._plane = plane
        self._last_good = last_good
        self._known = BoundedCache[tuple[str, str], str](MAX_KNOWN)

    def config(self, agent_id: str, tenant: str) -> AgentConfig:
        """The configuration of the agent. Raises like the plane's `agent`."""
        text = agent_id.lower()
        if not _is_uuid(text):
            return self._plane.agent(agent_id, tenant=tenant)
        known = self._known.get((tenant, text))
        if known is not None:
            try:
                return self._plane.agent(known, tenant=tenant)
            except NotThere:
                self._known.pop((tenant, text))
        try:
            known = self._copied(text, tenant, resting=True)
            if known is None:
                try:
                    return self._plane.agent(agent_id, tenant=tenant)
                except NotThere:
                    known = self._searched(text, tenant)
        except NotThere:
            raise
        except ControlPlaneFault:
            known = self._copied(text, tenant)
            if known is None:
                raise
        found = self._plane.agent(known, tenant=tenant)
        self._known.put((tenant, text), known)
        return found

    def all(self, tenant: str) -> Iterator[str]:
        """The ids of the agents, up to a thousand. Raises like the plane's `agents`."""
        cursor: str | None = None
        left = MAX_AGENTS
        # Pages may be smaller than what was asked for.
        for _ in range(MAX_PAGES):
            page = self._plane.agents(tenant=tenant, limit=PAGE, cursor=cursor)
            yield from page.ids[:left]
            left -= len(page.ids)
            cursor = page.cursor
            if cursor is None:
                return
            if left <= 0:
                break
        log.warning("there are more agents than are listed", extra={"tenant": tenant})

    def _copied(self, text: str, tenant: str, *, resting: bool = False) -> str | None:
        """Of which agent there is a copy with this UUID; with `resting`, only while the plane is
        left alone."""
        if self._last_good is None or (resting and not self._last_good.resting(tenant)):
            return None
        return self._last_good.id_of(text, tenant=tenant)

    def _searched(self, text: str, tenant: str) -> str:
        for agent_id in self.all(tenant):
            if agent_uuid(agent_id) == text:
                return agent_id
        raise NotThere("no agent has this UUID")


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
