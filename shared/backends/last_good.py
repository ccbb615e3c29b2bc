"""Agents of a backend that may be slow, out, or wrong: a short cache, and the last good copy.

What was read is used for `cache` seconds. Where the backend does not answer, refuses, or says
something that is none of its answers, the last configuration that was valid goes on being used:
from memory, or from the Table, so that a process that begins meanwhile has it too. The log says
when that begins and when it is over. What the backend itself says is not there is gone.

A backend that kept somebody waiting in vain is left alone as a whole, for the tenant, wherever
there is a copy: what follows costs no time.
"""

import logging
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any, NamedTuple, Protocol, TypeVar, cast

from shared.backends.bounded import BoundedCache
from shared.backends.control_plane import (
    AgentConfig,
    AgentConfigs,
    AgentPage,
    ControlPlaneFault,
    NotThere,
    Refused,
    ToolResources,
)
from shared.backends.kept_configs import KeptConfigs, Proven
from shared.backends.rests import Rests
from shared.backends.tool_resources import Definitions
from shared.clock import Clock

MAX_ENTRIES = 1024
"""Agents, tools and pages of ids that are remembered; of all tenants."""

NEGATIVE = 5.0
"""Seconds for which something is not there, at most."""

REST = 5.0
"""Seconds, at least, for which what failed is not asked for again where there is a copy."""

CHECKED = 600.0
"""Seconds after which a copy that was stored is looked for again."""

log = logging.getLogger("parley")

_Result = TypeVar("_Result")


class AgentPlane(AgentConfigs, ToolResources, Protocol):
    """What agents are made from."""


class _Key(NamedTuple):
    kind: str
    tenant: str
    name: str

    def named(self) -> Mapping[str, str]:
        """Which one that is, for the log. A page of ids has no name."""
        found = {} if self.kind == "agents" else {self.kind: self.name}
        return {"tenant": self.tenant, **found}


class _Entry:
    """What is known of one thing: the answer (`value`, or `missing`) and until when it is used
    without asking (monotonic seconds). `out`: the last attempt failed; `fault`: how, where there
    was no copy. `attempts` counts them. Whoever asks holds `asking`."""

    def __init__(self) -> None:
        self.asking = Lock()
        self.value: Any = None
        self.fault: ControlPlaneFault | None = None
        self.until = float("-inf")
        self.attempts = 0
        self.out = False

    def answered(self, value: Any, until: float) -> None:
        self.value, self.fault, self.until = value, None, until
        self.attempts += 1

    def failed(self, fault: ControlPlaneFault, until: float) -> None:
        self.value, self.fault, self.until = None, fault, until
        self.attempts += 1

    def answer(self) -> Any:
        if self.fault is not None:
            # It may be raised many times, and would gather where.
            raise self.fault.with_traceback(None)
        return self.value


class LastGood:
    """The agents and tools of `plane`. Several threads may use it at once; who asks for one thing
    waits for nobody who asks for another."""

    def __init__(
        self, plane: AgentPlane, clock: Clock, *, cache: float, kept: KeptConfigs | None = None
    ) -> None:
        self._plane = plane
        self._clock = clock
        self._cache = cache
        self._kept = kept
        self._rests = Rests(clock, max(cache, REST))
        self._entries = BoundedCache[_Key, _Entry](MAX_ENTRIES)
        self._proven = BoundedCache[_Key, Proven](MAX_ENTRIES)
        self._tools = BoundedCache[_Key, Mapping[str, Any]](MAX_ENTRIES)
        self._stored = BoundedCache[_Key, float](MAX_ENTRIES)

    def agent(self, agent_id: str, *, tenant: str) -> AgentConfig:
        def copy() -> AgentConfig | None:
            proven = self.last_valid(agent_id, tenant=tenant, whole=False)
            return proven.config if proven else None

        return self._asked(
            _Key("agent", tenant, agent_id),
            lambda: self._plane.agent(agent_id, tenant=tenant),
            copy,
        )

    def agents(self, *, tenant: str, limit: int, cursor: str | None = None) -> AgentPage:
        key = _Key("agents", tenant, f"{limit} {cursor or ''}")
        last = self._entries.made(key, _Entry).value
        return self._asked(
            key,
            lambda: self._plane.agents(tenant=tenant, limit=limit, cursor=cursor),
            lambda: cast(AgentPage | None, last),
        )

    def tool(self, tool_id: str, *, tenant: str) -> Mapping[str, Any]:
        key = _Key("tool", tenant, tool_id)
        return self._asked(
            key,
            lambda: self._plane.tool(tool_id, tenant=tenant),
            lambda: self._tools.get(key),
        )

    # -- what was valid ---------------------------------------------------------------------

    def proven(self, config: AgentConfig, tools: Definitions, *, tenant: str, whole: bool) -> None:
        """Take note that the configuration is valid, with these tools. `whole`: its tools and
        skills can be had as well. Only then it is kept for other processes too."""
        key = _Key("agent" if whole else "fields", tenant, config.id)
        known = self._proven.get(key)
        now = self._clock.monotonic()
        same = known and known.config.version == config.version and known.tools == tools
        # Another process may have been told meanwhile that it is gone, and have removed the copy.
        if same and now < (self._stored.get(key) or 0.0) + CHECKED:
            return
        proven = Proven(config=config, tools=dict(tools))
        self._remember(key, proven)
        self._stored.put(key, now)
        if whole and self._kept is not None:
            self._kept.put(proven, tenant)

    def last_valid(self, agent_id: str, *, tenant: str, whole: bool) -> Proven | None:
        """The last configuration of the agent that was valid: with tools and skills, if `whole`."""
        key = _Key("agent", tenant, agent_id)
        known = self._proven.get(key)
        if known is None and not whole:
            known = self._proven.get(key._replace(kind="fields"))
        if known is None and self._kept is not None:
            known = self._kept.get(agent_id, tenant)
            if known is not None:
                self._remember(key, known)
        return known

    def resting(self, tenant: str) -> bool:
        """Whether the backend is left alone now: what there is no copy of cannot be had soon."""
        return self._rests.now(tenant) is not None

    def id_of(self, uuid: str, *, tenant: str) -> str | None:
        """The agent of which there is a copy, and which has this UUID on the wire."""
        return self._kept.id_of(uuid, tenant) if self._kept else None

    def _remember(self, key: _Key, proven: Proven) -> None:
        self._proven.put(key, proven)
        for name, definition in proven.tools.items():
            self._tools.put(_Key("tool", key.tenant, name), definition)

    # -- asking -----------------------------------------------------------------------------

    def _asked(
        self, key: _Key, ask: Callable[[], _Result], copy: Callable[[], _Result | None]
    ) -> _Result:
        entry = self._entries.made(key, _Entry)
        if self._clock.monotonic() < entry.until:
            return cast(_Result, entry.answer())
        seen, stale = entry.attempts, entry.value
        if not entry.asking.acquire(blocking=stale is None):
            # Somebody asks at the moment.
            return cast(_Result, stale)
        try:
            if entry.attempts == seen:
                self._ask(key, entry, ask, copy)
            return cast(_Result, entry.answer())
        finally:
            entry.asking.release()

    def _ask(
        self,
        key: _Key,
        entry: _Entry,
        ask: Callable[[], _Result],
        copy: Callable[[], _Result | None],
    ) -> None:
        rest = self._rests.now(key.tenant)
        if rest is not None and (known := copy()) is not None:
            self._out(key, entry, rest.fault, copied=True)
            entry.answered(known, rest.until)
            return
        began = self._clock.monotonic()
        try:
            found = ask()
        except NotThere as missing:
            self._over(key, entry)
            self._forget(key)
            entry.failed(missing, self._clock.monotonic() + min(self._cache, NEGATIVE))
        except ControlPlaneFault as failed:
            now = self._clock.monotonic()
            self._rests.failed(key.tenant, failed, took=now - began)
            known = copy()
            self._out(key, entry, failed, copied=known is not None)
            if known is None:
                # Whoever has no copy may try again at once.
                entry.failed(failed, now)
            else:
                entry.answered(known, now + self._rests.seconds(failed))
        else:
            self._over(key, entry)
            entry.answered(found, self._clock.monotonic() + self._cache)

    def _forget(self, key: _Key) -> None:
        self._proven.pop(key)
        self._proven.pop(key._replace(kind="fields"))
        self._tools.pop(key)
        if key.kind == "agent" and self._kept is not None:
            self._kept.remove(key.name, key.tenant)

    def _out(self, key: _Key, entry: _Entry, fault: ControlPlaneFault, *, copied: bool) -> None:
        if entry.out:
            return
        entry.out = True
        log.log(
            logging.ERROR if isinstance(fault, Refused) else logging.WARNING,
            "the backend gives out no %s; %s",
            key.kind,
            "its last copy is used" if copied else "there is no copy",
            extra={**key.named(), "reason": str(fault)},
        )

    def _over(self, key: _Key, entry: _Entry) -> None:
        self._rests.answered(key.tenant)
        if entry.out:
            entry.out = False
            log.info("the backend gives out the %s again", key.kind, extra=key.named())
