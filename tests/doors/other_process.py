"""Another process of a deployment, which tries to let credentials in: `admitted(…)`.

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

Query = Mapping[str, str]
"""Of a handshake's address."""


def admitted(queries: Sequence[Query], variables: Mapping[str, str]) -> list[int]:
    """The statuses of the handshakes with these queries, in a process of its own."""
    environment = {"PATH": os.environ["PATH"], **variables}
    done = subprocess.run(
        [sys.executable, "-m", "tests.doors.other_process"],
        cwd=ROOT,
        env=environment,
        input=json.dumps(queries),
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
    queries = json.loads(sys.stdin.read())
    statuses = [
        admission.connect(f"elsewhere-{number}", query, {}) for number, query in enumerate(queries)
    ]
    sys.stdout.write(json.dumps(statuses))


if __name__ == "__main__":
    main()
