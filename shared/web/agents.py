"""Agents over HTTP: what their users may know of them. What they are told and what they can do is
their authors' business."""

import json
from collections.abc import Sequence
from itertools import islice

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from shared.backends.agents import Agent, no_such_agent
from shared.errors import NotFound, ValidationError
from shared.identity.access import may, own
from shared.ids import agent_uuid, pack, unpack
from shared.interactions.kinds import KINDS
from shared.protocol.variables import BUILT_IN, used
from shared.web.auth import Caller
from shared.web.errors import error_bodies
from shared.web.lists import Cursor, Limit, link_next
from shared.web.services import Services

PAGE_BYTES = 1024 * 1024
"""What the agents of one page have as JSON, unless it is a single one."""

CURSOR = "agents"


class AgentEntry(BaseModel):
    """One agent. `uuid` is its id on the WebSocket. `models` are what a message may choose, the
    usual one first; `overrides` what a session may put in the place of the agent's own; `variables`
    those that the agent's texts use and a client brings, skills apart; `supports` what a client
    lists there that can show the agent's forms."""

    agent_id: str
    uuid: str
    name: str
    greeting: str | None
    language: str | None
    models: Sequence[str]
    skills: Sequence[str]
    overrides: Sequence[str]
    variables: Sequence[str]
    supports: Sequence[str]


def router(services: Services) -> APIRouter:
    api = APIRouter(tags=["agents"])

    @api.get("/agents", responses=error_bodies(401, 422, 500, 503))
    def list_agents(
        caller: Caller,
        request: Request,
        response: Response,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> list[AgentEntry]:
        """The agents of the caller's tenant, in the order of their ids; to a web page those that
        may be used from it."""
        after = _after(cursor)
        if not may(caller, "create", own(caller)):
            return []
        origin = request.headers.get("origin")
        known = services.agents.after(after, caller.tenant)
        shown = list(islice((agent for agent in known if agent.admits(origin)), limit + 1))
        page = _fitting([_entry(agent) for agent in shown[:limit]])
        if len(page) < len(shown):
            cursor = pack(CURSOR, page[-1].agent_id)
            link_next(response, "/agents", {"limit": str(limit)}, cursor)
        return page

    @api.get("/agents/{agent_id}", responses=error_bodies(401, 404, 500, 503))
    def get_agent(agent_id: str, caller: Caller, request: Request) -> AgentEntry:
        """One agent, by its id or its `uuid`."""
        if not may(caller, "create", own(caller)):
            raise no_such_agent()
        agent = services.agents.get(agent_id, caller.tenant)
        if not agent.admits(request.headers.get("origin")):
            raise no_such_agent()
        return _entry(agent)

    return api


def _after(cursor: str | None) -> str:
    """The id after which the list goes on; no agent needs to have it any more.

    Raises:
        ValidationError: the cursor is none of this list.
    """
    if cursor is None:
        return ""
    try:
        return unpack(CURSOR, cursor, 1)[0]
    except NotFound as fault:
        raise ValidationError(
            "cursor: is none of this list. Take it from the Link of the page before.",
            details={"field": "cursor"},
        ) from fault


def _fitting(entries: list[AgentEntry]) -> list[AgentEntry]:
    """As many of the first ones as a page may have, and one at least."""
    room = PAGE_BYTES
    for number, entry in enumerate(entries):
        room -= len(json.dumps(entry.model_dump(), ensure_ascii=False).encode())
        if room < 0 and number:
            return entries[:number]
    return entries


def _entry(agent: Agent) -> AgentEntry:
    return AgentEntry(
        agent_id=agent.id,
        uuid=agent_uuid(agent.id),
        name=agent.name,
        greeting=agent.greeting,
        language=agent.language,
        models=list(dict.fromkeys((agent.model, *agent.models_allowed))),
        skills=agent.skills,
        overrides=agent.overrides,
        variables=[
            name for name in used((agent.instructions, agent.greeting)) if name not in BUILT_IN
        ],
        supports=[kind.capability for kind in KINDS],
    )
