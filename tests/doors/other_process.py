"""Another process of a deployment, which tries to let tokens in: `admitted(…)`.

Its variables are those of its environment; on AWS the endpoints too.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

from shared.settings import Settings
from shared.wiring import Deployment
from tests.support.server_process import ROOT


def admitted(tokens: Sequence[str], variables: Mapping[str, str]) -> list[int]:
    """The statuses of the handshakes with these tokens, in a process of its own."""
    environment = {"PATH": os.environ["PATH"], **variables}
    done = subprocess.run(
        [sys.executable, "-m", "tests.doors.other_process"],
        cwd=ROOT,
        env=environment,
        input=json.dumps(tokens),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    found: list[int] = json.loads(done.stdout)
    return found


def main() -> None:
    admission = Deployment(Settings.from_environment(loopback=True)).admission
    tokens = json.loads(sys.stdin.read())
    statuses = [
        admission.connect(f"elsewhere-{number}", {"token": token}, {})
        for number, token in enumerate(tokens)
    ]
    sys.stdout.write(json.dumps(statuses))


if __name__ == "__main__":
    main()
