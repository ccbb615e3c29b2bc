"""A shop in which somebody has to allow what the agent does, on either engine, and its people."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from functions.sweep.handler import handler as sweep
from shared.conversations.approval_items import asked
from shared.conversations.items import box_key
from shared.conversations.prompts import prompt_id
from shared.ids import new_id
from shared.mailbox.box import Job
from shared.models.port import ModelRequest
from shared.protocol.replies import iso_time
from shared.storage.dynamodb import DynamoTable
from shared.storage.sqlite import SqliteTable
from shared.storage.table import Table
from tests.runner.said import Said, SaidModel, answer, use
from tests.support.aws import client, fresh_table
from tests.walls.people import JWT_SECRET, Person
from tests.web.site import Answer, Site, next_page

ANN = Person("acme", "ann", email="ann@acme.example")
BOB = Person("acme", "bob")
BOSS = Person("acme", "boss", roles=("boss",))
CLERK = Person("acme", "clerk", roles=("clerk",))
OTHER_ANN = Person("globex", "ann", roles=("boss",))

REFUND = "500 back for 42"
"""What the tool says."""

TIME = 300
"""Seconds to decide."""

TOOLS = '''
def refund(order: str, amount: int) -> str:
    """Refund an order. What was paid goes back.

    Args:
        order: Its number.
        amount: In cents.
    """
    return f"{amount} back for {order}"
'''
AGENTS: Mapping[str, Mapping[str, Any]] = {
    "shop": {"approval": "required"},
    "bank": {"approval": {"required": True, "roles": ["boss"]}},
    "safe": {"approval": {"required": True, "roles": ["clerk", "warden"]}},
    "desk": {"verified": True},
}
"""The agents, and what stands before the one tool of each."""


class Clerk(SaidModel):
    """A model that makes the calls of its `plan` when it is asked something, and says "Done." when
    it has their results."""

    def __init__(self, *plan: Mapping[str, Any]) -> None:
        super().__init__()
        self.plan = plan

    def stream(self, request: ModelRequest, *, seconds_left: float) -> Said:
        self.requests.append(request)
        content = request.messages[-1]["content"]
        return Said(self, answer("Done.") if self._results(content) else answer(*self.plan))

    @property
    def told(self) -> list[str]:
        """The results of calls that it was told, in the last request."""
        return self._results(self.requests[-1].messages[-1]["content"])

    def _results(self, content: Any) -> list[str]:
        blocks = content if isinstance(content, list) else []
        return [str(each["content"]) for each in blocks if each["type"] == "tool_result"]


class Shop(Site):
    """A site whose callers have signed tokens, unless `environ` says otherwise."""

    def __init__(self, folder: Path, engine: Table, **environ: str) -> None:
        agents = folder / "agents"
        agents.mkdir(parents=True, exist_ok=True)
        (agents / "tools.py").write_text(TOOLS, "utf-8")
        for name, gate in AGENTS.items():
            tool = {"python": "tools:refund", **gate}
            written = {"name": name, "instructions": "You help.", "tools": [tool]}
            (agents / f"{name}.yaml").write_text(json.dumps(written), "utf-8")
        signed = {"AUTH_MODE": "jwt", "AUTH_JWT_SECRET": JWT_SECRET}
        unlimited = {"RATE_LIMIT_PRINCIPAL_PER_MINUTE": "0"}
        variables = {"ASSISTANT_LOCAL_CONFIG_DIR": str(agents), **signed, **unlimited, **environ}
        super().__init__(folder, cast(SqliteTable, engine), **variables)
        self.clerk = Clerk(use("refund", order="42", amount=500))
        self.deployment.model = self.clerk

    def by(self, person: Person, method: str, path: str, body: Any = None, **more: str) -> Answer:
        """One request of this person."""
        token = person.token(self.clock.now())
        return self.ask(method, path, body, token=token, **more)

    def asked(self, person: Person, agent: str = "shop", **more: Any) -> Any:
        """The answer to a turn that waits for somebody, a moment later than the last one."""
        self.clock.advance(1)
        headers = {name: more.pop(name) for name in ("Idempotency_Key",) if name in more}
        body = {"agent_id": agent, "message": "Refund 42", **more}
        answered = self.by(person, "POST", "/executor/turns", body, **headers)
        assert answered.status == 202, answered.text
        return answered.body

    def approval(self, person: Person, agent: str = "shop") -> str:
        """The id of what somebody is to decide for a turn of this person."""
        return str(self.asked(person, agent)["prompt"]["approval_id"])

    def decide(self, person: Person, approval: str, approved: bool, **more: Any) -> Answer:
        body = {"approved": approved, **more}
        return self.by(person, "POST", f"/approvals/{approval}", body)

    def listed(self, person: Person, query: str = "") -> list[Any]:
        """One page of the person's list."""
        answered = self.by(person, "GET", f"/approvals{query}")
        assert answered.status == 200, answered.text
        return cast(list[Any], answered.body)

    def turn_of(self, person: Person, turn: str) -> Any:
        answered = self.by(person, "GET", f"/turns/{turn}")
        assert answered.status == 200, answered.text
        return answered.body

    def pass_time(self, seconds: float) -> None:
        """What falls due in it is done afterwards."""
        self.clock.advance(seconds)
        self._invoke(sweep, {})
        self.work()


def refused(answered: Answer, status: int, code: str) -> None:
    """That it was, for good."""
    assert (answered.status, answered.body["error"]["code"]) == (status, code), answered.text
    assert not answered.body["error"]["retryable"]


def entry(shop: Shop, person: Person, approval: str) -> Any:
    """The approval as this person sees it."""
    answered = shop.by(person, "GET", f"/approvals/{approval}")
    assert answered.status == 200, answered.text
    return answered.body


def runs(shop: Shop) -> int:
    """How often the tool has run, as far as the model was told."""
    return sum(REFUND in str(request.messages[-1]) for request in shop.clerk.requests)


def iso(shop: Shop, seconds: float = 0) -> str:
    """The time so many seconds from now on."""
    return iso_time(shop.clock.now() + round(seconds * 1000))


def ids(entries: list[Any]) -> list[str]:
    return [entry["approval_id"] for entry in entries]


def kept(shop: Shop, person: Person, *roles: str, **content: Any) -> tuple[str, list[str]]:
    """An approval as it stands in the table, without the turn that it is of: its id, and what
    only whoever may decide it may know."""
    shop.clock.advance(0.001)
    conversation, session = new_id(), new_id()
    ref = f"TURN#{session}#q"
    payload = {"session": session, "agent": "shop"}
    job = Job(box_key(person.tenant, conversation), ref, {}, {"payload": payload})
    prompt = {
        "key": "0-0",
        "digest": "0" * 32,
        "tool": "refund",
        "content": {"description": "Refund.", "arguments": {}, **content},
        "roles": sorted(roles),
        "owner": person.user,
        "at": shop.clock.now(),
    }
    shop.deployment.table.write([asked(job, prompt)])
    return prompt_id(conversation, ref, "approval", "0-0", "0" * 32), [conversation, session]


@contextmanager
def dynamodb_at(endpoint: str) -> Iterator[Table]:
    name = fresh_table(endpoint)
    with client("dynamodb", endpoint) as made:
        yield DynamoTable(made, name)


def pages(shop: Shop, person: Person, path: str) -> list[list[Any]]:
    """All pages from there on."""
    found: list[list[Any]] = []
    following: str | None = path
    while following is not None:
        answered = shop.by(person, "GET", following)
        assert answered.status == 200, answered.text
        found.append(answered.body)
        following = next_page(answered)
        assert len(found) < 100, "it goes on and on"
    return found
