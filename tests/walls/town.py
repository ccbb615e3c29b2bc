"""One deployment with two tenants: the real handlers, signed tokens, and an eye on its stores."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

from functions.send_message.handler import handler as send_message
from functions.ws_connect.handler import handler as ws_connect
from shared.storage.folder import FolderArtifacts
from shared.storage.sqlite import SqliteTable
from tests.support.recorded_mail import RecordedMail
from tests.walls.noted import NotedFiles, NotedTable, Push, Queue, Rows
from tests.walls.people import JWT_SECRET, Person
from tests.web.site import TOKEN, Answer, Site
from tests.wire.store_calls import DynamoWire, SqliteWire, Wire

PLAIN_AGENT = "name: Assistant\ninstructions: Be kind.\n"
GATED_AGENT = "name: {0}\ninstructions: Be kind.\ntools: [{{python: 'tools:refund', {1}}}]\n"
GATES = {
    "shop": "approval: required",
    "court": "approval: {required: true, roles: [judge]}",
    "vault": "verified: true",
}
"""Agents, and what stands before their only tool."""

TOOLS = (
    'def refund(order: str) -> str:\n    """Refund an order."""\n    return f"back for {order}"\n'
)
SHARED_AGENT = (
    "name: Club\ninstructions: Be kind.\nshared_conversations: true\n"
    "tools: [{python: 'tools:refund', approval: required}, "
    "{python: 'tools:refund', name: secret, verified: true}]\n"
)
NO_LIMITS = {
    "RATE_LIMIT_PER_MINUTE": "0",
    "RATE_LIMIT_PRINCIPAL_PER_MINUTE": "0",
    "RATE_LIMIT_ADDRESS_PER_MINUTE": "0",
}


class Town(Site):
    """The deployment, on an engine that is watched. SERVICE_TOKEN speaks for tenant globex."""

    def __init__(self, folder: Path, wire: Wire, **environ: str) -> None:
        agents = folder / "agents"
        agents.mkdir()
        (agents / "assistant.yaml").write_text(PLAIN_AGENT, "utf-8")
        (agents / "club.yaml").write_text(SHARED_AGENT, "utf-8")
        (agents / "tools.py").write_text(TOOLS, "utf-8")
        for name, gate in GATES.items():
            (agents / f"{name}.yaml").write_text(GATED_AGENT.format(name, gate), "utf-8")
        self.wire = wire
        self.notes: list[str] = []
        engine = NotedTable(wire.table, self.notes)
        variables = {
            "AUTH_MODE": "jwt",
            "AUTH_JWT_SECRET": JWT_SECRET,
            "SERVICE_TENANT": "globex",
            "ASSISTANT_LOCAL_CONFIG_DIR": str(agents),
            "SESSION_BACKLOG": "200",
            # The clock stands still: nothing may wait for the time to pass.
            "PUSH_WINDOW_MS": "0",
            **NO_LIMITS,
            **environ,
        }
        super().__init__(folder, cast(SqliteTable, engine), **variables)
        self.push, self.queue = Push(), Queue()
        deployment = self.deployment
        self.mail = RecordedMail()
        deployment.push = self.push
        deployment.mail = self.mail
        deployment.wakes = self.queue
        self.wakes = cast(Any, self.queue)
        files = FolderArtifacts(folder)
        deployment.artifacts = cast(Any, NotedFiles(files, self.notes))

    # -- connections ----------------------------------------------------------------------

    def connect(self, person: Person | None = None, **query: str) -> str:
        """A new connection, of this person or with this query."""
        name = str(uuid4())
        if person is not None:
            query["token"] = person.token(self.clock.now())
        status = self.knock(name, **query)
        assert status == 200, status
        return name

    def knock(self, connection: str, **query: str) -> int:
        """The status of the handshake."""
        request = {"connectionId": connection, "eventType": "CONNECT"}
        event = {"requestContext": request, "queryStringParameters": query}
        status: int = self._invoke(ws_connect, event)["statusCode"]
        return status

    def send(self, connection: str, action: str, **fields: Any) -> None:
        """Send a frame. What it is answered with is among `push.sent`."""
        body = json.dumps({"action": action, **fields})
        event = {"requestContext": {"connectionId": connection}, "body": body}
        self._invoke(send_message, event)

    def frame(self, connection: str, action: str, **fields: Any) -> dict[str, Any]:
        """Send a frame; the last thing that the connection got."""
        self.send(connection, action, **fields)
        return self.heard(connection)[-1]

    def heard(self, connection: str) -> list[dict[str, Any]]:
        return [json.loads(data) for name, data in self.push.sent if name == connection]

    def opened(self, connection: str, agent: str = "assistant", **fields: Any) -> Mapping[str, Any]:
        """The ids of a new session."""
        named = {"requestId": "open", "agentId": agent, **fields}
        answer = self.frame(connection, "create_conversation_session", **named)
        assert answer["status"] == 200, answer
        ids: Mapping[str, Any] = answer["data"]
        return ids

    def say(self, connection: str, session: str, request: str, message: str) -> dict[str, Any]:
        about = {"requestId": request, "sessionId": session, "message": message}
        return self.frame(connection, "send_message", **about)

    # -- HTTP -----------------------------------------------------------------------------

    def request(
        self, person: Person, method: str, path: str, body: Any = None, **headers: str
    ) -> Answer:
        """One request of this person."""
        if person.behalf:
            return self.ask(method, path, body, token=TOKEN, person=person.user, **headers)
        return self.ask(method, path, body, token=person.token(self.clock.now()), **headers)

    # -- the table ------------------------------------------------------------------------

    def rows(self) -> Rows:
        """All that is stored, by key."""
        calls = self.wire.calls.copy()
        found = _rows(self.wire)
        self.wire.calls[:] = calls
        return found


def _rows(wire: Wire) -> Rows:
    if isinstance(wire, DynamoWire):
        pages = wire.client.get_paginator("scan").paginate(TableName=wire.name)
        items = [item for page in pages for item in page["Items"]]
        return {(item["pk"]["S"], item["sk"]["S"]): repr(sorted(item.items())) for item in items}
    assert isinstance(wire, SqliteWire)
    assert isinstance(wire.table, SqliteTable)
    with wire.table._connections.reading() as db:
        rows = db.execute("SELECT pk, sk, attrs, blob FROM items").fetchall()
    return {(pk.decode(), sk.decode()): tuple(rest) for pk, sk, *rest in rows}
