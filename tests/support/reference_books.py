"""What the reference backend keeps, and what each of its routes does with it (docs/backends.md)."""

import itertools
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple
from urllib.parse import unquote

from tests.support.reference_bodies import (
    BeginBody,
    EscalationBody,
    FinalizeBody,
    Problem,
    SearchBody,
    TranscriptBody,
    checked,
)

ANY = "*"
"""In the place of a tenant: for all of them."""

BASE = "/api/v1"
MAX_PAGE = 100


class Route(NamedTuple):
    method: str
    template: str
    operation: str


ROUTES = (
    Route("GET", "/assistants/{id}/config", "agent"),
    Route("GET", "/assistants", "agents"),
    Route("GET", "/tools/resources/{id}", "tool"),
    Route("POST", "/knowledge-bases/{id}/search", "search"),
    Route("POST", "/history", "begin"),
    Route("POST", "/history/{id}/transcripts", "transcript"),
    Route("POST", "/history/{id}/escalations", "escalate"),
    Route("PUT", "/history/{id}", "finalize"),
)
WRITES = frozenset({"begin", "transcript", "escalate", "finalize"})


def matched(method: str, path: str) -> tuple[str, str] | None:
    """The operation, and the id in the path; None: there is no such route."""
    for route in ROUTES:
        pattern = re.escape(BASE + route.template).replace(r"\{id\}", "([^/]+)")
        if route.method == method and (found := re.fullmatch(pattern, path)):
            return route.operation, unquote(found[1]) if found.groups() else ""
    return None


@dataclass(frozen=True)
class Asked:
    """A request as it came. `body` is None where it has none."""

    operation: str
    id: str
    tenant: str
    query: Mapping[str, str]
    key: str | None
    body: Any


@dataclass(frozen=True)
class Answer:
    status: int
    body: Mapping[str, Any]


@dataclass
class Call:
    """A call: what began it, what was said, its escalations, and each time it was finalized."""

    id: str
    tenant: str
    record: dict[str, Any]
    transcripts: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    escalations: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    finalized: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


class Books:
    """Agents, tools, knowledge and calls, by tenant. Several threads may use them at once.

    `committed` has every write that took effect, in their order; `answers` counts what came of
    keys: `repeated` (known, the first answer again) and `conflicts` (known, with another body).
    Pages have no more than `max_page` items. With `ignore_keys` each write counts, as with a
    backend that knows no keys.
    """

    def __init__(self) -> None:
        self.ignore_keys = False
        self.max_page = MAX_PAGE
        self.calls: dict[str, Call] = {}
        self.committed: list[dict[str, Any]] = []
        self.answers: Counter[str] = Counter()
        self._agents: dict[tuple[str, str], Any] = {}
        self._tools: dict[tuple[str, str], Any] = {}
        self._knowledge: dict[tuple[str, str], Sequence[Mapping[str, Any]]] = {}
        self._kept: dict[tuple[str, str], tuple[str, Answer]] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.RLock()
        self._routes: Mapping[str, Callable[[Asked], Answer]] = {
            "agent": self._agent,
            "agents": self._list,
            "tool": self._tool,
            "search": self._search,
            "begin": self._begin,
            "transcript": self._transcript,
            "escalate": self._escalate,
            "finalize": self._finalize,
        }

    def put_agent(self, agent_id: str, config: Any, tenant: str = ANY) -> None:
        """Keep the configuration; None takes it away."""
        _put(self._agents, tenant, agent_id, config)

    def put_tool(self, tool_id: str, definition: Any, tenant: str = ANY) -> None:
        _put(self._tools, tenant, tool_id, definition)

    def put_knowledge(self, base_id: str, snippets: Any, tenant: str = ANY) -> None:
        """Keep the snippets: objects with `id`, `title`, `text`, and what else one may have; with
        `acl`, a list of users and groups, only for them."""
        _put(self._knowledge, tenant, base_id, snippets)

    def answer(self, asked: Asked) -> Answer:
        """Do what is asked; what was done under a key before is not done again."""
        with self._lock:
            try:
                if asked.operation not in WRITES or self.ignore_keys:
                    return self._routes[asked.operation](asked)
                return self._once(asked)
            except Problem as problem:
                return refusal(problem)

    def state(self) -> dict[str, Any]:
        """All that was recorded, as JSON."""
        with self._lock:
            return {
                "calls": [asdict(call) for call in self.calls.values()],
                "committed": list(self.committed),
                "answers": dict(self.answers),
            }

    def _once(self, asked: Asked) -> Answer:
        if not asked.key:
            raise Problem(400, "IDEMPOTENCY_KEY_REQUIRED", "A write needs an Idempotency-Key.")
        request = json.dumps([asked.operation, asked.id, asked.body], sort_keys=True)
        first, answer = self._kept.get((asked.tenant, asked.key), (None, None))
        if answer is None:
            answer = self._routes[asked.operation](asked)
            self._kept[asked.tenant, asked.key] = (request, answer)
        elif first == request:
            self.answers["repeated"] += 1
        else:
            self.answers["conflicts"] += 1
            raise Problem(409, "IDEMPOTENCY_CONFLICT", "This key was used for something else.")
        return answer

    def _agent(self, asked: Asked) -> Answer:
        return done(_found(self._agents, asked, "ASSISTANT_NOT_FOUND"))

    def _list(self, asked: Asked) -> Answer:
        page = _number(asked, "page", 1, 1_000_000)
        size = min(self.max_page, _number(asked, "page_size", 20, MAX_PAGE))
        ids = sorted({name for tenant, name in self._agents if tenant in (ANY, asked.tenant)})
        shown = [{"id": name} for name in ids[(page - 1) * size : page * size]]
        return done({"items": shown, "total": len(ids), "page": page, "page_size": size})

    def _tool(self, asked: Asked) -> Answer:
        return done(_found(self._tools, asked, "TOOL_NOT_FOUND"))

    def _search(self, asked: Asked) -> Answer:
        body = checked(SearchBody, asked.body)
        words = body.query.lower().split()
        kept = _found(self._knowledge, asked, "KNOWLEDGE_BASE_NOT_FOUND")
        scored = [
            {**_shown(each), "score": _share(words, each["text"])}
            for each in (kept if words else [])
            if _may_read(each, body)
        ]
        found = sorted((each for each in scored if each["score"]), key=lambda each: -each["score"])
        items = found[: body.n_results]
        size = body.n_results
        return done({"items": items, "total": len(items), "page": 1, "page_size": size})

    def _begin(self, asked: Asked) -> Answer:
        record = checked(BeginBody, asked.body).model_dump()
        call = Call(f"call-{next(self._numbers)}", asked.tenant, record)
        self.calls[call.id] = call
        self._commit(asked, call)
        return done({"id": call.id}, 201)

    def _transcript(self, asked: Asked) -> Answer:
        call = self._call(asked)
        call.transcripts.append(checked(TranscriptBody, asked.body).model_dump())
        self._commit(asked, call)
        return done({}, 201)

    def _escalate(self, asked: Asked) -> Answer:
        call = self._call(asked)
        call.escalations.append(checked(EscalationBody, asked.body).model_dump())
        self._commit(asked, call)
        return done({}, 201)

    def _finalize(self, asked: Asked) -> Answer:
        call = self._call(asked)
        call.finalized.append(checked(FinalizeBody, asked.body).model_dump())
        self._commit(asked, call)
        return done({})

    def _call(self, asked: Asked) -> Call:
        call = self.calls.get(asked.id)
        if call is None or call.tenant != asked.tenant:
            raise Problem(404, "CALL_NOT_FOUND", "There is no such call.")
        return call

    def _commit(self, asked: Asked, call: Call) -> None:
        entry = {"operation": asked.operation, "call": call.id, "key": asked.key}
        self.committed.append({**entry, "body": asked.body})


def done(data: Any, status: int = 200) -> Answer:
    return Answer(status, {"success": True, "data": data})


def refusal(problem: Problem) -> Answer:
    error = {"code": problem.code, "message": str(problem)}
    return Answer(problem.status, {"success": False, "error": error})


def _share(words: Sequence[str], text: str) -> float:
    """How many of the words are in the text: 0 to 1."""
    return sum(word in text.lower() for word in words) / len(words)


def _may_read(snippet: Mapping[str, Any], body: SearchBody) -> bool:
    return "acl" not in snippet or bool({body.user_id, *body.groups} & set(snippet["acl"]))


def _shown(snippet: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in snippet.items() if name != "acl"}


def _put(kept: dict[tuple[str, str], Any], tenant: str, name: str, value: Any) -> None:
    if value is None:
        kept.pop((tenant, name), None)
    else:
        kept[tenant, name] = value


def _found(kept: Mapping[tuple[str, str], Any], asked: Asked, code: str) -> Any:
    for tenant in (asked.tenant, ANY):
        if (tenant, asked.id) in kept:
            return kept[tenant, asked.id]
    raise Problem(404, code, "There is no such thing.")


def _number(asked: Asked, name: str, usual: int, most: int) -> int:
    text = asked.query.get(name, str(usual))
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise Problem(422, "VALIDATION_ERROR", f"{name} must be a number from 1 to {most}.")
    return int(text)
