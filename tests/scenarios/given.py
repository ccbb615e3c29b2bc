"""What stands before a scenario begins: settings, agents and their files, skills, a server."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml

from shared.messaging.mail import MailRefused, MailUnavailable
from shared.models.port import Usage
from shared.wiring import Deployment
from tests.messaging.receivers import HOST, Received, receiver
from tests.scenarios.gates import GatedTokens, Gates
from tests.scenarios.matching import Names
from tests.scenarios.papers import JWT
from tests.scenarios.script import Scenario
from tests.support.deployments import TOKEN, Variables
from tests.support.messages_api import Step
from tests.support.recorded_mail import RecordedMail

AUTH: Mapping[str | None, Variables] = {None: {}, "token": TOKEN, "jwt": JWT}
ASSISTANT = {"name": "Assistant", "instructions": "You help."}


class Given:
    """The `given` of one scenario, with its files in `folder`. `names` has `server` if there is
    one, and `called` what that server was asked."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self._given: Mapping[str, Any] = scenario.get("given", {})
        self._folder = folder
        self.names = Names()
        self.called: Sequence[Received] = ()

    @contextmanager
    def standing(self) -> Iterator[Variables]:
        """The settings, while everything else stands."""
        answer = self._given.get("server")
        secrets = self._given.get("secrets", {})
        variables = {f"PARLEY_SECRET_{name.upper()}": text for name, text in secrets.items()}
        with patch.dict(os.environ, variables):
            if answer is None:
                yield self._settings()
                return
            with receiver() as server:
                server.status = answer.get("status", 200)
                server.body = answer.get("body", "").encode()
                server.headers = {"Content-Type": "text/plain; charset=utf-8"}
                self.called = server.got
                self.names = Names(
                    server=f"http://{HOST}:{server.port}",
                    named_server=f"http://localhost:{server.port}",
                )
                yield self._settings()

    def _settings(self) -> Variables:
        return {
            "ASSISTANT_LOCAL_CONFIG_DIR": str(self._agents()),
            "LIBRARY_DIR": str(self._library()),
            **AUTH[self._given.get("auth")],
            **self._given.get("settings", {}),
        }

    def _agents(self) -> Path:
        folder = self._folder / "agents"
        folder.mkdir()
        agents = {"assistant": ASSISTANT, **self.names.fill(self._given.get("agents", {}))}
        for name, agent in agents.items():
            (folder / f"{name}.yaml").write_text(yaml.safe_dump(agent), "utf-8")
        for name, text in self._given.get("files", {}).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, "utf-8")
        return folder

    def _library(self) -> Path:
        folder = self._folder / "library"
        (folder / "skills").mkdir(parents=True)
        for name, text in self._given.get("skills", {}).items():
            (folder / "skills" / f"{name}.md").write_text(text, "utf-8")
        return folder


def steps(scenario: Scenario, gates: Gates) -> list[Step]:
    """The model's script."""
    return [
        Step.from_json({**entry, "tokens": GatedTokens(entry.get("tokens", []), gates)})
        for entry in Names().fill(scenario.get("given", {}).get("model", []))
    ]


def spend(deployment: Deployment, dollars: float | None) -> None:
    """As if the tenant had spent that today already."""
    if dollars is not None:
        usage = Usage(cost_nano_usd=round(dollars * 10**9))
        deployment.table.write([deployment.ledger.add("local", "earlier", usage)])


def mail_of(scenario: Scenario) -> RecordedMail | None:
    """What carries the scenario's mails; None: nothing does."""
    match scenario.get("given", {}).get("mail"):
        case None:
            return RecordedMail()
        case "none":
            return None
        case "refused":
            return RecordedMail(MailRefused("the address was rejected"))
        case "unavailable":
            return RecordedMail(MailUnavailable("the service is away"))
        case other:
            raise ValueError(f"no such mail: {other!r}")


def as_data(request: Received) -> dict[str, Any]:
    """A request that the server got, as a scenario describes one."""
    body = request.body.decode()
    return {
        "method": request.method,
        "path": request.path,
        "headers": {name.lower(): value for name, value in request.headers.items()},
        "body": json.loads(body) if body else None,
    }
