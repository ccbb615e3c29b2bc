"""Drives the published client; runs in its environment, with nothing of ours beside it.

    python session.py ws://127.0.0.1:8787/ws

Prints as JSON what the client gave out, and how many frames came in and how many it handed on.
"""

import asyncio
import importlib
import json
import sys
from typing import Any

client_library: Any = importlib.import_module("smooth_operator")


class Counted:
    """What came over the wire, and what the client made of it."""

    def __init__(self) -> None:
        self.raw: list[str] = []
        self.handed_on = 0
        self.unsolicited: list[str] = []

    def event(self, event: Any) -> None:
        self.unsolicited.append(event.type)


async def turn(client: Any, session: str, message: str, counted: Counted) -> dict[str, Any]:
    """One message: the pieces, the end, and all kinds of events in their order."""
    running = client.send_message(session_id=session, message=message)
    kinds: list[str] = []
    pieces: list[str] = []
    async for event in running:
        kinds.append(event.type)
        if event.type == "stream_token":
            pieces.append(event.data.token)
    final = await running
    counted.handed_on += len(kinds)
    response = final.data.data.response
    parts = response["responseParts"] if isinstance(response, dict) else response.responseParts
    return {"kinds": kinds, "streamed": "".join(pieces), "final": "".join(parts)}


async def refused(client: Any, session: str, counted: Counted) -> str:
    """The code of the error that answers an approval, which nothing waits for: the client sends
    it without asking for an answer, and hands the answer to whoever listens to everything."""
    told: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    forget = client.on_event(told.set_result)
    client.confirm_tool_action(session_id=session, request_id="approval", approved=True)
    event = await asyncio.wait_for(told, 30)
    forget()
    counted.unsolicited.remove(event.type)
    counted.handed_on += 1
    assert event.request_id == "approval"
    return str(event.error.code)


async def talk(url: str) -> dict[str, Any]:
    counted = Counted()
    transport = client_library.WebSocketTransport(url)
    transport.on_message(counted.raw.append)
    client = client_library.SmoothAgentClient(url, transport=transport)
    client.on_event(counted.event)
    await client.connect()
    said: dict[str, Any] = {}
    created = await client.create_conversation_session(agent_id="assistant", user_name="Ann")
    session = str(created.session_id)
    said["created"] = created.model_dump(mode="json", by_alias=True)
    said["turns"] = [
        await turn(client, session, "My favourite colour is green.", counted),
        await turn(client, session, "What is my favourite colour?", counted),
    ]
    page = await client.get_messages(session_id=session, limit=3)
    said["messages"] = page.model_dump(mode="json", by_alias=True)
    found = await client.get_session(session_id=session)
    said["session"] = found.model_dump(mode="json", by_alias=True)
    listed = await client.list_conversations(limit=10)
    said["conversations"] = listed.model_dump(mode="json", by_alias=True)
    found = await client.list_conversations(query="COLOUR")
    said["found"] = [entry.conversation_id for entry in found.conversations]
    said["not_found"] = len((await client.list_conversations(query="weather")).conversations)
    said["ping"] = await client.ping()
    # Each of these resolved with the one event that answered it.
    counted.handed_on += len(["create", "messages", "session", *3 * ["conversations"], "ping"])
    said["refused"] = await refused(client, session, counted)
    await client.disconnect()
    said["received"] = len(counted.raw)
    said["handed_on"] = counted.handed_on
    said["unsolicited"] = counted.unsolicited
    return said


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(talk(sys.argv[1]))))
