"""Ask an agent over HTTP, and look for its answer until it is there. See docs/http.md.

python examples/ask_http.py planner "What is 12.5 * (3 + 4)?"
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid
from typing import Any

URL = os.environ.get("PARLEY_URL", "http://127.0.0.1:8787")
TOKEN = os.environ.get("SERVICE_TOKEN")


def ask(method: str, path: str, body: Any = None, **headers: str) -> Any:
    request = urllib.request.Request(URL + path, method=method, headers=headers)
    request.add_header("Content-Type", "application/json")
    if TOKEN:
        request.add_header("Authorization", f"Bearer {TOKEN}")
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(request, data, timeout=60) as answer:
        return json.load(answer)


def main(agent: str, question: str) -> None:
    # With a key a request may be sent again: it is the same turn.
    once = {"Idempotency-Key": str(uuid.uuid4())}
    asked = {"agent_id": agent, "message": question, "wait": 0}
    turn = ask("POST", "/executor/turns", asked, **once)
    while turn["status"] in ("queued", "running"):
        time.sleep(0.5)
        turn = ask("GET", f"/turns/{turn['turn_id']}")
    if turn["status"].startswith("awaiting"):
        sys.exit(f"It waits for somebody: {json.dumps(turn['prompt'], ensure_ascii=False)}")
    if turn["status"] != "completed":
        sys.exit(turn["error"]["message"] if turn.get("error") else f"It was {turn['status']}.")
    print(turn["text"])


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit('Usage: ask_http.py <agent id> "<question>"')
    try:
        main(*sys.argv[1:])
    except urllib.error.HTTPError as refused:
        sys.exit(json.load(refused)["error"]["message"])
    except OSError:
        sys.exit(f"Nothing answers at {URL}. Start `parley dev`, or set PARLEY_URL.")
