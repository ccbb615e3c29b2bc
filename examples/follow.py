"""Have a turn done by the workers, and follow it. See docs/runner.md."""

import sys
from contextlib import closing

from shared.errors import ParleyError
from shared.identity.credentials import LOCAL
from shared.runner.events import Delta, ToolStarted
from shared.settings import Settings
from shared.wiring import Deployment

agent_id, question = sys.argv[1], " ".join(sys.argv[2:])
try:
    with closing(Deployment(Settings.from_environment(loopback=True))) as deployment:
        runner = deployment.runner(agent_id)
        for event in runner.run("my script", question, principal=LOCAL):
            match event:
                case Delta(text):
                    print(text, end="", flush=True)
                case ToolStarted(tool=tool):
                    print(f" [{tool}] ", end="", flush=True)
    print()
except ParleyError as fault:
    sys.exit(fault.message)
