"""Decide what agents wait for: list it, and approve or deny it. See docs/http.md.

python examples/approve_http.py                         what waits for you
python examples/approve_http.py approve <approval id>   let it happen
python examples/approve_http.py deny <approval id> "Too much."
"""

import json
import os
import sys
import urllib.error
import urllib.request
from typing import Any

URL = os.environ.get("PARLEY_URL", "http://127.0.0.1:8787")
TOKEN = os.environ.get("SERVICE_TOKEN")
USER = os.environ.get("PARLEY_USER")


def ask(method: str, path: str, body: Any = None) -> Any:
    request = urllib.request.Request(URL + path, method=method)
    request.add_header("Content-Type", "application/json")
    if TOKEN:
        request.add_header("Authorization", f"Bearer {TOKEN}")
    if USER:
        request.add_header("X-On-Behalf-Of", USER)
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(request, data, timeout=60) as answer:
        return json.load(answer)


def show() -> None:
    waiting = ask("GET", "/approvals")
    if not waiting:
        print("Nothing waits for you.")
    for each in waiting:
        print(each["approval_id"])
        print(f"  {each['description']}")
        print(f"  {each['agent_id']} would call {each['tool']} for {each['requested_by']}")
        for name, value in each["arguments"].items():
            # As JSON in ASCII, nothing in it can pass for another line.
            print(f"    {json.dumps(name)}: {json.dumps(value)}")
        print(f"  until {each['expires_at']}")


def decide(word: str, approval: str, note: str = "") -> None:
    body = {"approved": word == "approve", "note": note}
    decided = ask("POST", f"/approvals/{approval}", body)
    print(f"{decided['state']} by {decided['decided_by']}")


if __name__ == "__main__":
    words = sys.argv[1:]
    if words and (words[0] not in ("approve", "deny") or len(words) not in (2, 3)):
        sys.exit("Usage: approve_http.py [approve|deny <approval id> [note]]")
    try:
        if words:
            decide(*words)
        else:
            show()
    except urllib.error.HTTPError as refused:
        sys.exit(json.load(refused)["error"]["message"])
    except OSError:
        sys.exit(f"Nothing answers at {URL}. Start `parley dev`, or set PARLEY_URL.")
