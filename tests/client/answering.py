"""Answers, through the published client, what turns ask; runs in its environment, with nothing of
ours beside it.

    python answering.py ws://127.0.0.1:8787/ws

Reads the code of a mail from a line of its input. Prints as JSON what the client gave out for each
turn, and how many frames came in and how many it handed on.
"""

import asyncio
import importlib
import json
import sys
from collections.abc import Callable
from typing import Any

client_library: Any = importlib.import_module("smooth_operator")

Answer = Callable[[Any], None]


class Person:
    """Somebody at a client, in one session. They answer when they have seen the call, which comes
    right after the event that asks: an answer may overtake it otherwise."""

    def __init__(self, client: Any, session: str) -> None:
        self._client = client
        self._session = session
        self._form = ""

    def approve(self, event: Any) -> None:
        """As the protocol's text says: under the request id of the turn."""
        if _called(event):
            self._client.confirm_tool_action(
                session_id=self._session, request_id=event.request_id, approved=True
            )

    def deny(self, event: Any) -> None:
        """Under a request id of its own."""
        if _called(event):
            self._client.confirm_tool_action(
                session_id=self._session, request_id="denial", approved=False
            )

    def fill_in(self, event: Any) -> None:
        """Wrong at first."""
        if event.type == "interaction_required":
            self._form = event.data.data.interaction_id
        if _called(event) or event.type == "interaction_invalid":
            email = "nobody" if _called(event) else "ann@example.org"
            self._client.submit_interaction(
                session_id=self._session,
                request_id=event.request_id,
                interaction_id=self._form,
                kind="identity_intake",
                values={"email": email},
            )

    def verify(self, event: Any) -> None:
        if event.type == "otp_sent":
            code = sys.stdin.readline().strip()
            self._client.verify_otp(
                session_id=self._session, request_id=event.request_id, code=code
            )

    async def turn(self, message: str, answer: Answer) -> dict[str, Any]:
        """One message: the kinds of events in their order, all of the events, and the end."""
        running = self._client.send_message(session_id=self._session, message=message)
        events: list[Any] = []
        async for event in running:
            events.append(event.model_dump(mode="json", by_alias=True, exclude_none=True))
            answer(event)
        final = await running
        response = final.data.data.response
        parts = response["responseParts"] if isinstance(response, dict) else response.responseParts
        kinds = [event["type"] for event in events if event["type"] != "stream_token"]
        return {"kinds": kinds, "events": events, "final": "".join(parts)}


def _called(event: Any) -> bool:
    """Whether this says that a tool is called."""
    return event.type == "stream_chunk" and "toolCall" in event.data.state.raw_response


async def opened(client: Any, transport: Any) -> str:
    """A session that can show forms: the client has no parameter to say so."""
    answered: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    forget = client.on_event(answered.set_result)
    frame: dict[str, Any] = {
        "action": "create_conversation_session",
        "requestId": "open",
        "agentId": "shop",
    }
    frame |= {"supports": ["identity_form"], "userEmail": "ann@example.org"}
    transport.send(json.dumps(frame))
    event = await asyncio.wait_for(answered, 30)
    forget()
    return str(event.data["sessionId"])


async def talk(url: str) -> dict[str, Any]:
    raw: list[str] = []
    unsolicited: list[Any] = []
    transport = client_library.WebSocketTransport(url)
    transport.on_message(raw.append)
    client = client_library.SmoothAgentClient(url, transport=transport)
    await client.connect()
    client.on_event(lambda event: unsolicited.append([event.type, event.request_id]))
    person = Person(client, await opened(client, transport))
    turns = {
        "approved": await person.turn("Refund 1", person.approve),
        "denied": await person.turn("Refund 2", person.deny),
        "filled in": await person.turn("A quote", person.fill_in),
        "verified": await person.turn("Pay", person.verify),
    }
    await client.disconnect()
    handed_on = len(unsolicited) + sum(len(turn["events"]) for turn in turns.values())
    counted = {"received": len(raw), "handed_on": handed_on, "unsolicited": unsolicited}
    return {"turns": turns, **counted}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(talk(sys.argv[1]))))
