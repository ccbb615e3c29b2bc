"""Prompts as they are kept with a turn that waits, and as clients are shown them.

A prompt stands in the body of its turn until the turn has ended. Its id carries the conversation,
the turn, the call and the hash of the exact arguments: whoever answers by it answers that and
nothing else.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from shared.conversations.shown import cut
from shared.errors import NotFound
from shared.identity.access import Thing, may
from shared.identity.principal import SERVICE, Principal
from shared.ids import pack, unpack
from shared.mailbox.box import Job
from shared.protocol import events, prompts
from shared.protocol.events import Event
from shared.protocol.replies import iso_time
from shared.runner.prompts import APPROVAL, CODE, INTERACTION, Prompt

FOR_APPROVAL = "approval"
FOR_INPUT = "input"
"""What a mailbox waits for, as clients are told."""

MAX_KEY = 64
"""Characters of what tells the calls of a turn apart, and some to spare."""

Stored = Mapping[str, Any]


def stored(job: Job, prompt: Prompt, *, at: int, seconds: float) -> dict[str, Any]:
    """The prompt as it is kept, asked at that time (ms)."""
    arguments = prompt.content.get("arguments", prompt.call.arguments)
    return {
        "kind": prompt.kind,
        "id": prompt_id(job.key.id, job.ref, prompt.kind, prompt.key, prompt.digest),
        "key": prompt.key,
        "call": prompt.call.key,
        "tool": prompt.call.name,
        "digest": prompt.digest,
        "arguments": cut(json.dumps(arguments, ensure_ascii=False)),
        "content": dict(prompt.content),
        "seconds": seconds,
        "roles": sorted(prompt.roles),
        "owner": asker(job.payload),
        "may_decide": _may_decide(job, prompt),
        "at": at,
    }


def _may_decide(job: Job, prompt: Prompt) -> bool:
    """Whether the turn's user may answer, as far as is known when they are asked."""
    principal = Principal.from_dict(job.payload["principal"])
    whose = Thing(tenant=job.key.tenant, owner=asker(job.payload), deciders=prompt.roles)
    return may(principal, "decide", whose)


def asker(payload: Mapping[str, Any]) -> str:
    """For whom a turn runs: its user; or, when a service asked in somebody's session, they."""
    principal = payload["principal"]
    if SERVICE in principal.get("roles", ()):
        return str(payload.get("for", principal["user"]))
    return str(principal["user"])


def waits_for(kind: str) -> str:
    return FOR_APPROVAL if kind == APPROVAL else FOR_INPUT


def prompt_id(conversation: str, ref: str, kind: str, key: str, digest: str) -> str:
    """The id by which a prompt is answered."""
    return pack(kind, conversation, ref, key, digest)


def parts_of(kind: str, known: str) -> tuple[str, str, str, str]:
    """Conversation, turn, key and digest. Raises NotFound: it is no id of this kind."""
    conversation, ref, key, digest = unpack(kind, known, 4)
    if not ref.startswith("TURN#") or len(key) > MAX_KEY:
        raise NotFound
    return conversation, ref, key, digest


def thing(tenant: str, prompt: Stored) -> Thing:
    """What is decided, as far as it matters to who may."""
    return Thing(tenant=tenant, owner=prompt["owner"], deciders=frozenset(prompt["roles"]))


def prompt_of(job: Job) -> Stored | None:
    """The prompt that the job waits for and nobody has answered."""
    prompt: Stored | None = job.body.get("prompt")
    pending = job.undecided
    if prompt is None or pending is None or pending.call != prompt["key"]:
        return None
    return None if job.done or job.stopped else prompt


def shown(job: Job, prompt: Stored, expires_at: int | None) -> Sequence[Event]:
    """The events by which a client is asked, which it can answer until then (ms); None: its time
    has not begun."""
    request_id, at = job.payload["request_id"], prompt["at"]
    content = prompt["content"]
    first = _event(request_id, prompt)
    if prompt["kind"] == CODE:
        return [first, _sent(request_id, prompt)]
    call = {"id": prompt["call"], "name": prompt["tool"], "arguments": prompt["arguments"]}
    state: dict[str, Any] = {"rawResponse": {"toolCall": call}}
    if prompt["kind"] == APPROVAL:
        state["pendingWriteConfirmation"] = _approval(prompt, content, expires_at)
    return [first, events.stream_chunk(request_id, prompt["tool"], state, at=at)]


def resumed(job: Job, prompt: Stored, expires_at: int | None) -> Event:
    """The same for a client that has come back: the event that asks, and with it what it takes to
    answer."""
    event = _event(job.payload["request_id"], prompt)
    if prompt["kind"] == APPROVAL:
        approval = _approval(prompt, prompt["content"], expires_at)
        return {**event, "pendingWriteConfirmation": approval}
    if prompt["kind"] == CODE:
        sent = _sent(job.payload["request_id"], prompt)
        event["sent"] = sent["data"]["data"]
    return {**event, "expiresAt": _time(expires_at)}


def described(prompt: Stored, expires_at: int | None) -> dict[str, Any]:
    """The same for HTTP."""
    content = prompt["content"]
    found: dict[str, Any] = {"kind": prompt["kind"], "tool": prompt["tool"]}
    match prompt["kind"]:
        case "approval":
            found |= {"approval_id": prompt["id"], **content, "roles": prompt["roles"]}
        case "interaction":
            found |= {"interaction_id": prompt["id"], **content, "kind": content["kind"]}
        case _:
            found |= {"channel": content["channel"], "destination": content["destination"]}
    return {**found, "expires_at": _time(expires_at)}


def _event(request_id: str, prompt: Stored) -> Event:
    content, at = prompt["content"], prompt["at"]
    if prompt["kind"] == APPROVAL:
        return prompts.write_confirmation_required(
            request_id, prompt["tool"], content["description"], at=at
        )
    if prompt["kind"] == INTERACTION:
        return prompts.interaction_required(
            request_id,
            prompt["id"],
            content["kind"],
            content["spec"],
            content["reason"],
            at=at,
        )
    return prompts.otp_verification_required(
        request_id, prompt["tool"], content["description"], at=at
    )


def _sent(request_id: str, prompt: Stored) -> Event:
    content = prompt["content"]
    return prompts.otp_sent(request_id, content["channel"], content["destination"], at=prompt["at"])


def _approval(prompt: Stored, content: Mapping[str, Any], expires_at: int | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "approvalId": prompt["id"],
        "toolId": prompt["tool"],
        "arguments": content["arguments"],
        "expiresAt": _time(expires_at),
        "mayDecide": prompt["may_decide"],
    }
    return {**found, "roles": prompt["roles"]} if prompt["roles"] else found


def _time(at: int | None) -> str | None:
    return None if at is None else iso_time(at)
