"""The end of a conversation over HTTP, and how its history stands."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from shared.storage.sqlite import SqliteTable
from tests.backends.bridge import TOKEN, keeping, short
from tests.support.reference_backend import ReferenceBackend
from tests.web.site import Site
from tests.web.test_conversations import UNKNOWN, conversation

STATE = {"state", "complete", "waiting", "behind", "missing", "call_id", "ended_at"}


@pytest.fixture
def backend() -> Iterator[ReferenceBackend]:
    with keeping() as running:
        yield running


@pytest.fixture
def kept(backend: ReferenceBackend, tmp_path: Path) -> Iterator[Site]:
    """A site whose history a backend keeps."""
    engine = SqliteTable(tmp_path / "parley.db")
    site = Site(tmp_path, engine, BACKEND_URL=backend.url, BACKEND_TOKEN=TOKEN)
    yield site
    site.deployment.close()


def test_it_is_told_once_however_often_it_is_asked(kept: Site, backend: ReferenceBackend) -> None:
    name = conversation(kept, "Hi")
    kept.work()
    before = kept.ask("GET", f"/conversations/{name}").body
    assert set(before) == {
        "conversation_id", "title", "agent_id", "updated_at", "message_count", "history",
        "workflow", "usage",
    }  # fmt: skip
    assert set(before["history"]) == STATE
    assert (before["history"]["state"], before["history"]["complete"]) == ("open", None)
    for _ in range(3):
        answer = kept.ask("POST", f"/conversations/{name}/end")
        assert (answer.status, answer.body) == (
            202,
            {"conversation_id": name, "status": "ending"},
        )
    kept.work()
    assert kept.ask("POST", f"/conversations/{name}/end").status == 202
    kept.work()
    assert [short(entry) for entry in backend.books.committed] == [
        "begin", "Hi", "Hello!", "finalize"
    ]  # fmt: skip
    after = kept.ask("GET", f"/conversations/{name}").body["history"]
    assert (after["state"], after["complete"], after["waiting"]) == ("ended", True, 0)
    assert after["call_id"] == next(iter(backend.books.calls))
    assert datetime.fromisoformat(after["ended_at"]).tzinfo is not None


def test_one_that_takes_too_long_is_not_complete(kept: Site, backend: ReferenceBackend) -> None:
    backend.fault("status", operation="begin", status=503, times=None)
    name = conversation(kept, "Hi")
    kept.ask("POST", f"/conversations/{name}/end")
    kept.work()
    state = kept.ask("GET", f"/conversations/{name}").body["history"]
    assert (state["state"], state["complete"], state["waiting"]) == ("ending", None, 4)
    kept.clock.advance(31)
    state = kept.ask("GET", f"/conversations/{name}").body["history"]
    assert (state["complete"], state["behind"]) == (False, False)


def test_where_nobody_keeps_it(site: Site) -> None:
    name = conversation(site, "Hi")
    assert site.ask("POST", f"/conversations/{name}/end").status == 202
    site.work()
    assert site.ask("GET", f"/conversations/{name}").body["history"] is None
    assert site.turn("More").status == 200


@pytest.mark.parametrize("name", [UNKNOWN, "nonsense", "../turns"])
@pytest.mark.parametrize(
    "ask",
    [
        lambda site, name: site.ask("GET", f"/conversations/{name}"),
        lambda site, name: site.ask("POST", f"/conversations/{name}/end"),
    ],
    ids=["get", "end"],
)
def test_one_that_is_not_there(site: Site, name: str, ask: Callable[[Site, str], object]) -> None:
    answer = ask(site, name)
    assert answer.status == 404  # type: ignore[attr-defined]


def test_somebody_else_s_can_neither_be_seen_nor_ended(
    kept: Site, backend: ReferenceBackend
) -> None:
    name = conversation(kept, "Hi", person="ann")
    kept.work()
    for method, path in (("GET", ""), ("POST", "/end")):
        answer = kept.ask(method, f"/conversations/{name}{path}", person="bob")
        assert (answer.status, answer.body["error"]["code"]) == (404, "CONVERSATION_NOT_FOUND")
    kept.work()
    assert (
        kept.ask("GET", f"/conversations/{name}", person="ann").body["history"]["state"] == "open"
    )
