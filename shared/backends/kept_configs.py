"""Configurations that were valid, in the Table: for a process that begins while the backend is out.

    AGENT#tenant#agent id    CONFIG   version, read_at; body: config, its values; tools by their ids
    AGENT#tenant#UUID        ID       id: the agent that has this UUID on the wire

A table that fails here costs a warning: it is needed only when the backend fails as well.
"""

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from shared.backends.control_plane import AgentConfig
from shared.backends.sources import BackendSource
from shared.backends.tool_resources import Definitions
from shared.clock import Clock
from shared.ids import agent_uuid
from shared.mailbox.box import key_part
from shared.storage.expressions import ABSENT, attr
from shared.storage.table import ConditionFailed, Delete, Item, Key, Put, Table

MAX_BYTES = 2 * 1024 * 1024
"""Of a configuration with its tools; one that is larger is not kept."""

log = logging.getLogger("parley")

_Result = TypeVar("_Result")


@dataclass(frozen=True, kw_only=True)
class Proven:
    """A configuration that was valid, with the definitions of the tool resources that it names."""

    config: AgentConfig
    tools: Definitions


class KeptConfigs:
    """The copies, one of each agent of a tenant."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def get(self, agent_id: str, tenant: str) -> Proven | None:
        item = self._safely("read", lambda: self._item(_config_key(agent_id, tenant)))
        if item is None or item.body is None:
            return None
        config = AgentConfig(
            id=agent_id,
            version=str(item.attrs["config"]),
            values=item.body["config"],
            source=BackendSource(agent_id),
        )
        return Proven(config=config, tools=item.body["tools"])

    def id_of(self, uuid: str, tenant: str) -> str | None:
        """The agent of which there is a copy, and which has this UUID on the wire."""
        item = self._safely("read", lambda: self._item(_id_key(uuid, tenant)))
        return None if item is None else str(item.attrs["id"])

    def put(self, proven: Proven, tenant: str) -> None:
        """Keep it, unless it is there already, or one that was read later."""
        self._safely("written", lambda: self._put(proven, tenant))

    def remove(self, agent_id: str, tenant: str) -> None:
        self._safely("removed", lambda: self._remove(agent_id, tenant))

    def _item(self, key: Key) -> Item | None:
        return self._table.get([key])[0]

    def _put(self, proven: Proven, tenant: str) -> None:
        config = proven.config
        body: dict[str, Any] = {"config": dict(config.values), "tools": dict(proven.tools)}
        text = json.dumps(body, sort_keys=True).encode()
        if len(text) > MAX_BYTES:
            log.warning("a configuration is too large to be kept", extra={"agent": config.id})
            return
        version = hashlib.sha256(text).hexdigest()
        key = _config_key(config.id, tenant)
        stored = self._item(key)
        if stored is not None and stored.attrs.get("version") == version:
            return
        now = self._clock.now()
        attrs = {"version": version, "config": config.version, "read_at": now}
        later = ABSENT | attr("read_at").le(now)
        writes = [Put(Item(key, attrs, body), later)]
        uuid = agent_uuid(config.id)
        if uuid != config.id:
            writes.append(Put(Item(_id_key(uuid, tenant), {"id": config.id})))
        try:
            self._table.write(writes)
        except ConditionFailed:
            return

    def _remove(self, agent_id: str, tenant: str) -> None:
        key = _config_key(agent_id, tenant)
        if self._item(key) is not None:
            self._table.write([Delete(key), Delete(_id_key(agent_uuid(agent_id), tenant))])

    def _safely(self, what: str, work: Callable[[], _Result]) -> _Result | None:
        try:
            return work()
        except Exception as fault:
            log.warning("the copy of a configuration was not %s", what, exc_info=fault)
            return None


def _config_key(agent_id: str, tenant: str) -> Key:
    return Key(f"AGENT#{key_part(tenant)}#{key_part(agent_id)}", "CONFIG")


def _id_key(uuid: str, tenant: str) -> Key:
    return Key(f"AGENT#{key_part(tenant)}#{key_part(uuid)}", "ID")
