"""`parley delete`: a conversation, or what a user or a tenant has."""

import json
import sys
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from shared.cli.api import Api, Reply
from shared.cli.chat.clean import one_line
from shared.cli.chat.faults import ChatFault, Refused, Unreachable

PAUSE = 5.0
"""Seconds between two looks at how far it has come."""

LOOKS = 720
"""An hour of them: a large tenant takes its time, and goes on without whoever waits."""

SILENT = 60
"""Looks in a row without an answer, five minutes of them at least: then nobody waits any more."""

PASSING = frozenset({"INTERNAL_ERROR", "RATE_LIMITED", "SERVICE_UNAVAILABLE"})
"""Errors that say nothing of the deletion, and may be over at the next look."""


def meant(
    conversation: str | None, user: str | None, tenant: str | None, idle_days: int | None
) -> tuple[str, str]:
    """The path of what the options mean, and how to call it.

    Raises:
        ChatFault: they contradict each other.
    """
    if sum(each is not None for each in (conversation, user, tenant)) != 1:
        raise ChatFault("Say what to delete: --conversation, --user or --tenant, one of them.")
    if idle_days is not None and tenant is None:
        raise ChatFault("--idle-days goes with --tenant.")
    if conversation is not None:
        return f"/conversations/{quote(conversation, safe='')}", f"conversation {conversation}"
    if user is not None:
        return f"/users/{quote(user, safe='')}/data", f"all that {user} has"
    path = f"/tenants/{quote(str(tenant), safe='')}/data"
    if idle_days is None:
        return path, f"all that the tenant {tenant} has"
    return f"{path}?idle_days={idle_days}", f"what nobody has used for {idle_days} days"


def delete(api: Api, path: str, *, wait: bool, as_json: bool) -> int:
    """Ask for it, and wait until it is done; the exit code: 1 if it still goes on.

    Raises:
        ChatFault: it was refused, or the server is not to be had (any more).
    """
    reply = api.ask("DELETE", path)
    deletion = _text(api, reply, "deletion_id")
    state: Mapping[str, Any] = {"deletion_id": deletion, "status": "deleting"}
    if not wait:
        _print(state, as_json=as_json)
        return 0
    where = f"/deletions/{quote(deletion, safe='')}"
    # Whatever becomes of the waiting, this is what to look for.
    print(f"Deleting: {one_line(deletion)}. It goes on without this command.", file=sys.stderr)
    silent = 0
    for _ in range(LOOKS):
        try:
            state = _looked(api, where, deletion)
            silent = 0
        except (Unreachable, Refused) as fault:
            silent += 1
            if silent == SILENT or not _passes(fault):
                raise
        if state["status"] == "deleted":
            break
        api.clock.sleep(PAUSE)
    _print(state, as_json=as_json)
    return 0 if state["status"] == "deleted" else 1


def _looked(api: Api, where: str, deletion: str) -> Mapping[str, Any]:
    """How far it has come. Raises as `Api.ask` does."""
    reply = api.ask("GET", where)
    _text(api, reply, "status")
    return {"deletion_id": deletion, **reply.json()}


def _passes(fault: Unreachable | Refused) -> bool:
    """Whether another look may end otherwise."""
    return fault.code in PASSING if isinstance(fault, Refused) else not fault.lasting


def _text(api: Api, reply: Reply, name: str) -> str:
    match reply.json():
        case dict() as found if isinstance(found.get(name), str):
            return str(found[name])
    raise api.stranger(reply.status)


def _print(state: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(state, indent=2))
        return
    line = f"{state['status']}\t{one_line(str(state['deletion_id']))}"
    if state["status"] == "deleted":
        line += f"\t{state.get('items', 0)} items, {state.get('files', 0)} files"
        if state.get("conversations"):
            line += f", {state['conversations']} conversations"
    print(line)
