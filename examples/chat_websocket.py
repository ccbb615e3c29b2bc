"""A chat over the WebSocket: one line is one message. See docs/protocol.md.

python examples/chat_websocket.py assistant
"""

import itertools
import json
import os
import sys
from collections.abc import Iterator
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

URL = os.environ.get("PARLEY_WEBSOCKET_URL", "ws://127.0.0.1:8787/ws")
NUMBERS = itertools.count(1)


def send(socket: ClientConnection, action: str, **fields: Any) -> Iterator[Any]:
    """Send a frame; the events that answer it, until whoever reads has the one that ends it."""
    request_id = str(next(NUMBERS))
    socket.send(json.dumps({"action": action, "requestId": request_id, **fields}))
    for frame in socket:
        event = json.loads(frame)
        if event.get("requestId") == request_id:
            if event["type"] == "error":
                sys.exit(event["error"]["message"])
            yield event


def notice(event: Any) -> str | None:
    """What to tell the user of a turn that waits for a person."""
    about = event.get("data", {})
    if event["type"] == "write_confirmation_required":
        return f"Waits for an approval: {about['data']['actionDescription']}"
    if event["type"] == "otp_sent":
        where = about["data"]["maskedDestination"]
        return (
            f"Waits for the code sent to {where}. Only parley chat can take it, not this program."
        )
    asked = about.get("state", {}).get("pendingWriteConfirmation")
    if asked is None:
        return None
    who = "You decide" if asked["mayDecide"] else f"The role {' or '.join(asked['roles'])} decides"
    command = f"python examples/approve_http.py approve {asked['approvalId']}"
    return f"{who} until {asked['expiresAt']}: {command} (or deny)"


def main(agent: str) -> None:
    with connect(URL, proxy=None) as socket:
        opened = next(send(socket, "create_conversation_session", agentId=agent))
        for line in filter(str.strip, sys.stdin):
            session = opened["data"]["sessionId"]
            for event in send(socket, "send_message", sessionId=session, message=line.strip()):
                if event["type"] == "stream_token":
                    print(event["token"], end="", flush=True)
                elif event["type"] in ("eventual_response", "cancelled"):
                    break
                elif said := notice(event):
                    print(f"\n[{said}]", flush=True)
            print()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Usage: chat_websocket.py <agent id>")
    try:
        main(sys.argv[1])
    except (OSError, WebSocketException):
        sys.exit("The connection failed or ended. Is `parley dev` running, or the URL wrong?")
