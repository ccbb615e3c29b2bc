"""What is kept of each approval, for as long as its conversation: who was asked what, and who
decided what and when.

CONV#tenant#id / APPROVAL#turn#call

Its state moves in the transactions of its turn, so that what is listed is what is the case. In the
index it stands with those of its owner, or with those of its tenant that somebody with a role
decides; what waits apart from what is decided.
"""

from collections.abc import Mapping
from typing import Any, Literal

from shared.conversations.items import turn_id
from shared.conversations.prompts import Stored
from shared.mailbox.box import BoxKey, Job, key_part
from shared.runner.prompts import EXPIRED
from shared.storage.expressions import Assign
from shared.storage.table import Item, Key, Put, Update

State = Literal["pending", "decided"]

WITHDRAWN = "withdrawn"
"""The turn ended before anybody had decided."""


def approval_key(box: BoxKey, ref: str, key: str) -> Key:
    return Key(box.partition, f"APPROVAL#{ref}#{key}")


def listed_under(state: State, tenant: str, owner: str | None) -> str:
    """Under what approvals stand in the index; None: those that somebody with a role decides."""
    whose = "roles" if owner is None else f"user#{key_part(owner)}"
    return f"APPROVALS#{key_part(tenant)}#{state}#{whose}"


def asked(job: Job, prompt: Stored) -> Put:
    """Somebody is asked."""
    tenant, owner = job.key.tenant, _owner(prompt)
    attrs = {"owned_by": listed_under("pending", tenant, owner), "listed_at": prompt["at"]}
    body = {
        "ref": job.ref,
        "key": prompt["key"],
        "digest": prompt["digest"],
        "tool": prompt["tool"],
        "content": prompt["content"],
        "roles": prompt["roles"],
        "owner": prompt["owner"],
        "turn": turn_id(job.key.id, job.ref),
        "session": job.payload["session"],
        "agent": job.payload["agent"],
        "asked_at": prompt["at"],
    }
    return Put(Item(approval_key(job.key, job.ref, prompt["key"]), attrs, body))


def shown_until(job: Job, prompt: Stored, expires_at: int) -> Update:
    """The prompt has been shown, and can be answered until then (ms)."""
    key = approval_key(job.key, job.ref, prompt["key"])
    return Update(key, [Assign(("expires_at",), expires_at)])


def decided(
    box: BoxKey, ref: str, prompt: Stored, *, what: str, who: str, at: int, note: str = ""
) -> Update:
    """Somebody has decided."""
    attrs = {"what": what, "who": who, "decided_at": at, "note": note}
    return _closed(box, ref, prompt, at, attrs)


def expired(job: Job, prompt: Stored, at: int) -> Update:
    """Nobody has, in time."""
    return _closed(job.key, job.ref, prompt, at, {"what": EXPIRED, "who": "", "decided_at": at})


def withdrawn(job: Job, prompt: Stored, at: int) -> Update:
    """The turn ends. Whoever decides in the same moment is not overwritten by this."""
    return _closed(job.key, job.ref, prompt, at, {"withdrawn_at": at})


def _closed(box: BoxKey, ref: str, prompt: Stored, at: int, attrs: Mapping[str, Any]) -> Update:
    owned_by = listed_under("decided", box.tenant, _owner(prompt))
    changed = {**attrs, "owned_by": owned_by, "listed_at": at}
    changes = [Assign((name,), value) for name, value in changed.items()]
    return Update(approval_key(box, ref, prompt["key"]), changes)


def _owner(prompt: Stored) -> str | None:
    return None if prompt["roles"] else str(prompt["owner"])
