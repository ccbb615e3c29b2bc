"""What streams while a turn runs and what it asks people, as scenarios put it.

Let me see.                         a piece of the answer; neighbouring ones are one
{thought: Hm.}                      a piece of what the model thinks, likewise
{node: find_order, call: {id: …, name: …, arguments: "{}"}}
{node: find_order, result: {id: …, name: …, isError: false, result: …}}
{asks: write_confirmation_required}     the event by which somebody is asked; any of `ASKING`
{keepalive: true}
"""

from collections.abc import Iterable, Mapping
from typing import Any

ASKING = frozenset(
    {
        "write_confirmation_required",
        "interaction_required",
        "otp_verification_required",
        "otp_sent",
    }
)


def shown(events: Iterable[Mapping[str, Any]]) -> list[Any]:
    """The events of one request that stream or ask, in their order."""
    found: list[Any] = []
    for event in events:
        match event:
            case {"type": "stream_token", "data": {"token": text}}:
                if found and isinstance(found[-1], str):
                    text = found.pop() + text
                found.append(text)
            case {"type": "stream_reasoning", "data": {"token": text}}:
                if found and isinstance(found[-1], dict) and "thought" in found[-1]:
                    text = found.pop()["thought"] + text
                found.append({"thought": text})
            case {"type": "stream_chunk", "data": {"node": node, "state": {"rawResponse": raw}}}:
                [(kind, said)] = raw.items()
                short = {"toolCall": "call", "toolResult": "result"}[kind]
                found.append({"node": node, short: said})
            case {"type": str(kind)} if kind in ASKING:
                found.append({"asks": kind})
            case {"type": "keepalive"} if found[-1:] != [{"keepalive": True}]:
                found.append({"keepalive": True})
            case _:
                pass
    return found
