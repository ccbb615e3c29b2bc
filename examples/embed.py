"""Ask a model from a script: no server, no store. See docs/runner.md."""

import os
import sys
from contextlib import closing

from shared.clock import SystemClock
from shared.errors import ParleyError
from shared.identity.credentials import LOCAL
from shared.models.anthropic_api import AnthropicModel
from shared.runner.events import Delta
from shared.runner.in_process import Agent, InProcessRunner

question = " ".join(sys.argv[1:]) or "What is a mailbox?"
key, url = os.environ.get("ANTHROPIC_API_KEY"), os.environ.get("ANTHROPIC_BASE_URL")
name = os.environ.get("ANTHROPIC_MODEL", "claude-sonnet-5")
agent = Agent(instructions="Answer in one sentence.", model=name)
try:
    with closing(AnthropicModel(clock=SystemClock(), api_key=key, base_url=url)) as model:
        runner = InProcessRunner(agent=agent, model=model)
        for event in runner.run("my script", question, principal=LOCAL):
            if isinstance(event, Delta):
                print(event.text, end="", flush=True)
        print()
except ParleyError as fault:
    sys.exit(fault.message)
