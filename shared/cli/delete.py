"""`parley delete`: a conversation, or what a user or a tenant has."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from shared.cli.api import Api, Reply
from shared.cli.chat.clean import one_line
from shared.cli.chat.faults import ChatFault

PAUSE = 5.0
"""Seconds between two looks at how far it has come."""

LOOKS = 720
"""An hour of them: a large tenant takes its time, and goes on without whoever waits."""


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
        ChatFault: it was refused, or the server is not to be had.
    """
    reply = api.ask("DELETE", path)
    deletion = _text(api, reply, "deletion_id")
    if not wait:
        _print({"deletion_id": deletion, "status": "deleting"}, as_json=as_json)
        return 0
    where = f"/deletions/{quote(deletion, safe='')}"
    for _ in range(LOOKS):
        reply = api.ask("GET", where)
        if _text(api, reply, "status") == "deleted":
            _print(reply.json(), as_json=as_json)
            return 0
        api.clock.sleep(PAUSE)
    _print(reply.json(), as_json=as_json)
    return 1


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
