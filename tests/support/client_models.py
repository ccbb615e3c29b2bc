"""The published client's judgement of our frames: it drops, without a word, what it finds invalid.

The client lives in a venv of its own, because its pins are not ours.
"""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-client" / "bin" / "python"

_SCRIPT = """
import json, sys
import smooth_operator as client

asked = json.load(sys.stdin)
payload = getattr(client, asked["payload"]) if asked["payload"] else None

def judge(frame):
    if not client.is_server_event(frame):
        raise ValueError("the client does not know this type")
    client.parse_event(frame)
    if frame["type"] == "eventual_response":
        client.GeneralAgentResponse.model_validate(frame["data"]["data"]["response"])
    if payload and frame["type"] == "immediate_response":
        payload.model_validate(frame["data"])

failures = []
for number, frame in enumerate(asked["frames"]):
    try:
        judge(frame)
    except Exception as fault:
        name = frame.get("type") if isinstance(frame, dict) else type(frame).__name__
        failures.append(f"frame {number} ({name}): {fault}")
json.dump(failures, sys.stdout)
"""


def validate(frames: Sequence[Mapping[str, Any]], *, payload: str | None = None) -> list[str]:
    """What the client's own models find wrong with the frames; empty when it takes them all.

    `payload` names the client's model for the `data` of every `immediate_response` among them,
    such as "CreateConversationSessionResponse", "GetSessionResponse" or "GetMessagesResponse".
    """
    if not PYTHON.exists():
        pytest.fail("The published client is not installed: run `make test`, which installs it.")
    asked = json.dumps({"frames": [dict(frame) for frame in frames], "payload": payload})
    answer = subprocess.run(
        [PYTHON, "-I", "-c", _SCRIPT],
        input=asked.encode(),
        capture_output=True,
        check=False,
        timeout=60,
    )
    if answer.returncode:
        pytest.fail(f"the client's models could not be asked: {answer.stderr.decode()[-2000:]}")
    failures: list[str] = json.loads(answer.stdout)
    return failures
