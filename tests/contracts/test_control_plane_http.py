"""The contract of the control plane over HTTP, and what goes over the wire."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from pydantic import SecretStr

from shared.backends.control_plane import (
    NotThere,
    Refused,
    Snippet,
    Unavailable,
)
from shared.backends.http_control_plane import HttpControlPlane
from shared.errors import ConfigurationError
from tests.contracts.control_plane_contract import (
    SHOP,
    TENANT,
    AgentsContract,
    CallsContract,
    NothingContract,
    end,
    escalation,
    record,
    segment,
)
from tests.support.clock import FakeClock
from tests.support.reference_backend import ReferenceBackend
from tests.support.reference_books import Call

TOKEN = "the-token-of-the-backend"

ANN: Any = {"tenant": TENANT, "user": "ann", "groups": ()}


class Books:
    def __init__(self, backend: ReferenceBackend) -> None:
        self._books = backend.books

    def put_agent(self, agent_id: str, config: Mapping[str, Any] | None) -> None:
        self._books.put_agent(agent_id, config, TENANT)

    def put_tool(self, tool_id: str, definition: Mapping[str, Any] | None) -> None:
        self._books.put_tool(tool_id, definition, TENANT)


@pytest.fixture
def backend() -> Iterator[ReferenceBackend]:
    with ReferenceBackend(token=TOKEN) as running:
        yield running


@pytest.fixture
def stage(backend: ReferenceBackend) -> Books:
    return Books(backend)


@pytest.fixture
def plane(backend: ReferenceBackend) -> Iterator[HttpControlPlane]:
    plane = HttpControlPlane(backend.url, FakeClock(), token=SecretStr(TOKEN), timeout=10)
    yield plane
    plane.close()


class TestHttp(AgentsContract, CallsContract, NothingContract):
    pass


# -- tenants, search, calls -------------------------------------------------------------------


def test_a_tenant_has_its_own(plane: HttpControlPlane, stage: Books) -> None:
    stage.put_agent("shop", SHOP)
    with pytest.raises(NotThere):
        plane.agent("shop", tenant="other")
    assert list(plane.agents(tenant="other", limit=10).ids) == []


def test_a_tenant_of_any_letters(plane: HttpControlPlane, backend: ReferenceBackend) -> None:
    tenant = "Größe 100% #1\n"
    backend.books.put_agent("shop", SHOP, tenant)
    assert plane.agent("shop", tenant=tenant).id == "shop"


def test_the_best_snippets_come_first(plane: HttpControlPlane, backend: ReferenceBackend) -> None:
    backend.books.put_knowledge(
        "hand/book",
        [
            {"id": "1", "title": "A", "text": "returns", "metadata": {"page": 3}},
            {"id": "2", "title": "B", "text": "returns in days", "url": "https://example.com/2"},
            {"id": "3", "title": "C", "text": "nothing"},
        ],
    )
    found = plane.search("hand/book", "Returns days", **ANN)
    assert found == [
        Snippet(id="2", title="B", text="returns in days", url="https://example.com/2", score=1.0),
        Snippet(id="1", title="A", text="returns", score=0.5, metadata={"page": 3}),
    ]
    assert len(plane.search("hand/book", "returns", **ANN, limit=1)) == 1
    assert plane.search("hand/book", "elephants", **ANN) == []


@pytest.mark.parametrize("base", ["unknown", "", ".", "..", "x" * 300])
def test_there_is_no_such_knowledge(plane: HttpControlPlane, base: str) -> None:
    with pytest.raises(NotThere):
        plane.search(base, "a", **ANN)


def test_the_backend_is_told_who_asks(plane: HttpControlPlane, backend: ReferenceBackend) -> None:
    snippets = [
        {"id": name, "title": name, "text": "returns", "acl": [name]} for name in ("ann", "sales")
    ]
    backend.books.put_knowledge("book", snippets)

    def found(user: str, *groups: str) -> list[str]:
        asked = plane.search("book", "returns", tenant=TENANT, user=user, groups=groups)
        return [each.id for each in asked]

    assert found("ann") == ["ann"]
    assert found("bob", "sales", "x") == ["sales"]
    assert found("bob") == []


def test_what_is_recorded_of_a_call(plane: HttpControlPlane, backend: ReferenceBackend) -> None:
    call = plane.begin_call(record(), key="c1")
    plane.add_transcript(segment(call), key="c1-0")
    plane.escalate(escalation(call), key="c1-0-e")
    plane.finalize_call(end(call), key="c1-end")
    kept = backend.books.calls[call]
    assert (kept.tenant, call) == (TENANT, "call-1")
    assert kept.record == {
        "id": "c1",
        "user_id": "ann",
        "assistant_id": "shop",
        "conversation_id": "conversation-1",
        "source": "websocket",
        "status": "connected",
        "started_at": "2023-11-14T22:13:20.123+00:00",
    }
    assert kept.transcripts == [
        {
            "turn_index": 0,
            "user_id": "ann",
            "speaker": "human",
            "content": "Where is it? …",
            "start_ms": 100,
            "end_ms": 350,
            "duration_ms": 250,
            "message_id": "m0",
            "turn_id": "t1",
            "stopped": False,
        }
    ]
    assert kept.escalations == [
        {
            "user_id": "ann",
            "reason": "It is lost. …",
            "turn_id": "t1",
            "message_id": "m1",
            "escalated_at": "2023-11-14T22:13:21.000+00:00",
        }
    ]
    assert kept.finalized == [
        {
            "status": "connected",
            "duration_seconds": 1.5,
            "ended_at": "2023-11-14T22:13:21.623+00:00",
            "missing": 0,
        }
    ]


def test_a_repeat_is_recorded_once(plane: HttpControlPlane, backend: ReferenceBackend) -> None:
    call = plane.begin_call(record(), key="c1")
    backend.fault("drop_after", operation="transcript")
    with pytest.raises(Unavailable):
        plane.add_transcript(segment(call), key="c1-0")
    plane.add_transcript(segment(call), key="c1-0")
    assert len(backend.books.calls[call].transcripts) == 1
    with pytest.raises(Refused, match=r"status 409 \(IDEMPOTENCY_CONFLICT\)"):
        plane.add_transcript(segment(call, 1), key="c1-0")


def test_a_call_that_is_not_known(plane: HttpControlPlane, backend: ReferenceBackend) -> None:
    backend.books.calls["call-9"] = Call("call-9", "other", {})
    for call in ("unknown", "../x", "a/b", "call-9"):
        with pytest.raises(NotThere):
            plane.add_transcript(segment(call), key="k")
        with pytest.raises(NotThere):
            plane.finalize_call(end(call), key="k")


# -- the wire ---------------------------------------------------------------------------------


def test_headers(plane: HttpControlPlane, backend: ReferenceBackend) -> None:
    plane.begin_call(record(), key="CONV#ann 1")
    [seen] = backend.requests
    expected = {
        "authorization": f"Bearer {TOKEN}",
        "x-parley-tenant": TENANT,
        "idempotency-key": "CONV#ann%201",
        "content-type": "application/json",
        "accept": "application/json",
    }
    assert expected.items() <= seen.headers.items()
    with pytest.raises(NotThere):
        plane.agent("shop", tenant=TENANT)
    assert not {"idempotency-key", "content-type"} & backend.requests[-1].headers.keys()


def test_one_connection_serves_many_requests(
    plane: HttpControlPlane, backend: ReferenceBackend, stage: Books
) -> None:
    stage.put_agent("shop", SHOP)
    for _ in range(5):
        plane.agent("shop", tenant=TENANT)
        plane.begin_call(record(), key="c1")
    assert backend.connections == 1


def test_a_connection_that_was_closed_meanwhile(
    plane: HttpControlPlane, backend: ReferenceBackend, stage: Books
) -> None:
    stage.put_agent("shop", SHOP)
    plane.agent("shop", tenant=TENANT)
    backend.stop()
    backend.start()
    assert plane.agent("shop", tenant=TENANT).id == "shop"


@pytest.mark.parametrize("ending", ["", "/", "/api/v1", "/api/v1/"])
@pytest.mark.parametrize("token", [None, TOKEN])
def test_the_address_may_end_in_the_version(ending: str, token: str | None) -> None:
    with ReferenceBackend(token=token) as backend:
        backend.books.put_agent("shop", SHOP)
        secret = SecretStr(token) if token else None
        plane = HttpControlPlane(backend.url + ending, FakeClock(), token=secret)
        assert plane.agent("shop", tenant=TENANT).id == "shop"
        assert ("authorization" in backend.requests[0].headers) == (token is not None)
        plane.close()


@pytest.mark.parametrize("token", ["schlüssel", "two\nlines", "tab\t"])
def test_a_token_that_no_header_can_carry(token: str) -> None:
    with pytest.raises(ConfigurationError, match="BACKEND_TOKEN") as caught:
        HttpControlPlane("http://127.0.0.1:1", FakeClock(), token=SecretStr(token))
    assert token not in caught.value.message


@pytest.mark.parametrize("agent_id", ["", "..", "a/b", "x" * 129, "con", "ü"])
def test_what_can_be_no_id_is_asked_of_nobody(
    plane: HttpControlPlane, backend: ReferenceBackend, agent_id: str
) -> None:
    with pytest.raises(NotThere):
        plane.agent(agent_id, tenant=TENANT)
    with pytest.raises(NotThere):
        plane.tool(agent_id, tenant=TENANT)
    assert backend.requests == []


def test_only_ids_that_can_be_asked_for_are_listed(
    plane: HttpControlPlane, stage: Books, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("a", "b c", "..", "d", "ümlaut" * 100):
        stage.put_agent(name, SHOP)
    for _ in range(2):
        assert list(plane.agents(tenant=TENANT, limit=10).ids) == ["a", "d"]
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 3, "once for each"
    assert "the backend lists 'b c', which can be no agent's id; it is left out" in said
    assert any("'\\xfcmlaut" in each and len(each) < 200 for each in said)


def test_a_server_with_smaller_pages(plane: HttpControlPlane, backend: ReferenceBackend) -> None:
    items = [{"id": "a"}, {"id": "b"}]
    first = {"items": items, "total": 3, "page": 1, "page_size": 2}
    backend.fault("envelope", operation="agents", body={"success": True, "data": first})
    page = plane.agents(tenant=TENANT, limit=50)
    assert list(page.ids) == ["a", "b"]
    for name in ("a", "b", "c"):
        backend.books.put_agent(name, SHOP)
    rest = plane.agents(tenant=TENANT, limit=50, cursor=page.cursor)
    assert (list(rest.ids), rest.cursor) == (["c"], None)
