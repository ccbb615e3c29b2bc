"""What the control plane over HTTP takes each answer for, and what it asks for again."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from pydantic import SecretStr

from shared.backends.control_plane import (
    CredentialRefused,
    Malformed,
    NotThere,
    Refused,
    Unavailable,
)
from shared.backends.http_control_plane import HttpControlPlane
from tests.contracts.control_plane_contract import TENANT, end, record, segment
from tests.support.clock import FakeClock
from tests.support.reference_backend import ReferenceBackend

TOKEN = "the-token-of-the-backend"

Ask = Callable[[HttpControlPlane], object]


@pytest.fixture
def backend() -> Iterator[ReferenceBackend]:
    with ReferenceBackend(token=TOKEN) as running:
        yield running


@pytest.fixture
def plane(backend: ReferenceBackend) -> Iterator[HttpControlPlane]:
    plane = HttpControlPlane(backend.url, FakeClock(), token=SecretStr(TOKEN), timeout=10)
    yield plane
    plane.close()


READS: Mapping[str, Ask] = {
    "agent": lambda plane: plane.agent("shop", tenant=TENANT),
    "agents": lambda plane: plane.agents(tenant=TENANT, limit=10),
    "tool": lambda plane: plane.tool("find", tenant=TENANT),
    "search": lambda plane: plane.search("handbook", "a", tenant=TENANT, user="ann", groups=()),
}
WRITES: Mapping[str, Ask] = {
    "begin": lambda plane: plane.begin_call(record(), key="k"),
    "transcript": lambda plane: plane.add_transcript(segment("call-1"), key="k"),
    "finalize": lambda plane: plane.finalize_call(end("call-1"), key="k"),
}
ALL = {**READS, **WRITES}
WITH_DATA = {name: ALL[name] for name in (*READS, "begin")}
LOST: list[dict[str, Any]] = [
    *({"kind": "status", "status": status} for status in (408, 425, 429, 500, 502, 503, 504, 599)),
    {"kind": "status_after"},
    {"kind": "drop"},
    {"kind": "drop_after"},
    {"kind": "cut"},
]
SAID_NO = [{"kind": "status", "status": status} for status in (400, 403, 405, 409, 410, 422)]
NO_ENVELOPES: list[Any] = [
    *({}, [], None, "x", 5),
    {"data": {}},
    *({"success": success, "data": {}} for success in (1, "true", None)),
]
NOT_UNDERSTOOD: list[dict[str, Any]] = [
    {"kind": "garbage"},
    {"kind": "redirect"},
    *({"kind": "status", "status": status} for status in (301, 307, 308)),
    {"kind": "huge"},
    *({"kind": "envelope", "body": body} for body in NO_ENVELOPES),
]
SECRETS = ("the-fault", TOKEN, "handbook", "page=", "Where is it", "127.0.0.1")


def failing(plane: HttpControlPlane, operation: str, expected: type[Exception]) -> str:
    with pytest.raises(expected) as caught:
        ALL[operation](plane)
    assert type(caught.value) is expected
    said = str(caught.value)
    assert not [secret for secret in SECRETS if secret in said]
    return said


@pytest.mark.parametrize("operation", READS)
@pytest.mark.parametrize("fault", LOST, ids=str)
def test_a_read_that_is_lost_is_tried_three_times(
    plane: HttpControlPlane, backend: ReferenceBackend, operation: str, fault: dict[str, Any]
) -> None:
    backend.books.put_agent("shop", {})
    backend.books.put_tool("find", {})
    backend.books.put_knowledge("handbook", [])
    backend.fault(**fault, operation=operation, times=2)
    ALL[operation](plane)
    assert backend.counts()[operation] == 3
    backend.fault(**fault, operation=operation, times=3)
    failing(plane, operation, Unavailable)
    assert backend.counts()[operation] == 6


@pytest.mark.parametrize("operation", WRITES)
@pytest.mark.parametrize("fault", LOST, ids=str)
def test_a_write_that_is_lost_is_tried_once(
    plane: HttpControlPlane, backend: ReferenceBackend, operation: str, fault: dict[str, Any]
) -> None:
    plane.begin_call(record(), key="first")
    before = backend.counts()[operation]
    backend.fault(**fault, operation=operation)
    failing(plane, operation, Unavailable)
    assert backend.counts()[operation] == before + 1
    assert len(backend.books.committed) == 1 + (
        fault["kind"] in ("status_after", "drop_after", "cut")
    )


@pytest.mark.parametrize("operation", ALL)
@pytest.mark.parametrize("fault", SAID_NO, ids=str)
def test_a_no_is_a_no(
    plane: HttpControlPlane, backend: ReferenceBackend, operation: str, fault: dict[str, Any]
) -> None:
    backend.fault(**fault, operation=operation)
    assert f"status {fault['status']} (BROKEN)" in failing(plane, operation, Refused)
    assert backend.counts()[operation] == 1


@pytest.mark.parametrize("operation", ALL)
def test_a_token_that_is_not_accepted(
    plane: HttpControlPlane, backend: ReferenceBackend, operation: str
) -> None:
    backend.token = "another"
    assert failing(plane, operation, CredentialRefused).endswith("status 401 (UNAUTHORIZED)")
    assert backend.counts()[operation] == 1


def test_what_is_no_json(plane: HttpControlPlane, backend: ReferenceBackend) -> None:
    backend.fault("garbage")
    assert failing(plane, "agent", Malformed).endswith("status 200, no JSON object")


@pytest.mark.parametrize("operation", ALL)
@pytest.mark.parametrize("fault", NOT_UNDERSTOOD, ids=str)
def test_what_is_no_answer(
    plane: HttpControlPlane, backend: ReferenceBackend, operation: str, fault: dict[str, Any]
) -> None:
    backend.fault(**fault, operation=operation)
    failing(plane, operation, Malformed)
    assert backend.counts()[operation] == 1


@pytest.mark.parametrize("operation", ALL)
def test_no_success(plane: HttpControlPlane, backend: ReferenceBackend, operation: str) -> None:
    body = {"success": False, "error": {"code": "QUOTA", "message": "the-fault"}}
    backend.fault("envelope", operation=operation, body=body)
    assert failing(plane, operation, Refused).endswith("status 200 (QUOTA)")


@pytest.mark.parametrize("code", [None, 5, "", "two words", "x" * 65, "<b>", "é", ["a"]])
def test_a_code_that_is_none_is_not_repeated(
    plane: HttpControlPlane, backend: ReferenceBackend, code: Any
) -> None:
    body = {"success": False, "error": {"code": code}}
    backend.fault("envelope", body=body)
    assert failing(plane, "agent", Refused).endswith("status 200")


@pytest.mark.parametrize("operation", ALL)
def test_who_says_404(plane: HttpControlPlane, backend: ReferenceBackend, operation: str) -> None:
    """Only the backend itself can say that something is gone."""
    backend.fault("status", operation=operation, status=404)
    failing(plane, operation, Refused if operation == "begin" else NotThere)
    backend.fault("garbage", operation=operation, status=404)
    failing(plane, operation, Malformed)


@pytest.mark.parametrize("operation", WITH_DATA)
@pytest.mark.parametrize("data", [None, [], "x", 5, True, [{}]], ids=repr)
def test_data_of_another_type(
    plane: HttpControlPlane, backend: ReferenceBackend, operation: str, data: Any
) -> None:
    backend.fault("envelope", operation=operation, body={"success": True, "data": data})
    failing(plane, operation, Malformed)


@pytest.mark.parametrize("operation", ALL)
def test_success_alone(plane: HttpControlPlane, backend: ReferenceBackend, operation: str) -> None:
    """It says that something was written, and where a name or more is asked for, nothing."""
    backend.fault("envelope", operation=operation, body={"success": True})
    if operation in WITH_DATA:
        failing(plane, operation, Malformed)
    else:
        ALL[operation](plane)


PAGE: Mapping[str, Any] = {"items": [], "total": 0, "page": 1, "page_size": 10}
SNIPPET: Mapping[str, Any] = {"id": "1", "title": "A", "text": "a"}


NO_ITEMS: list[Any] = [{}, [1], [{}], None]
NO_SNIPPETS: list[dict[str, Any]] = [
    *({"id": value} for value in (5, "", None)),
    *({"title": value} for value in (None, "x" * 1025)),
    *({"text": 5}, {"url": 5}, {"metadata": []}),
    *({"score": value} for value in ("1", None, True)),
]


@pytest.mark.parametrize(
    ("operation", "data"),
    [
        *(("begin", {"id": call}) for call in ("", 5, None, "a b", "é", "..", ".", "x" * 257)),
        *(("agents", {**PAGE, "items": items}) for items in NO_ITEMS),
        ("agents", {**PAGE, "items": [{"id": 5}]}),
        *(("agents", {**PAGE, field: -1}) for field in ("total", "page", "page_size")),
        *(("agents", {**PAGE, field: "1"}) for field in ("total", "page", "page_size")),
        ("agents", {**PAGE, "page": 2}),
        ("agents", {**PAGE, "page_size": 11}),
        ("agents", {**PAGE, "items": [{"id": "a"}] * 11}),
        *(("search", {**PAGE, "items": items}) for items in NO_ITEMS),
        *(("search", {**PAGE, "items": [{**SNIPPET, **wrong}]}) for wrong in NO_SNIPPETS),
    ],
)
def test_data_of_another_shape(
    plane: HttpControlPlane, backend: ReferenceBackend, operation: str, data: Any
) -> None:
    backend.fault("envelope", operation=operation, body={"success": True, "data": data})
    failing(plane, operation, Malformed)


def test_fields_that_are_not_known_are_no_matter(
    plane: HttpControlPlane, backend: ReferenceBackend
) -> None:
    body = {"success": True, "data": {"id": "c", "created_at": "today"}, "version": 3}
    backend.fault("envelope", body=body)
    assert plane.begin_call(record(), key="k") == "c"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("86400", 3600.0),
        ("Tue, 14 Nov 2023 22:13:50 GMT", 30.0),
        ("soon", None),
        ("-5", None),
        ("inf", None),
        ("nan", None),
        (None, None),
    ],
)
def test_when_to_come_back(
    plane: HttpControlPlane, backend: ReferenceBackend, header: str | None, seconds: float | None
) -> None:
    backend.fault("status", status=429, retry_after=header)
    with pytest.raises(Unavailable) as caught:
        plane.begin_call(record(), key="k")
    assert caught.value.retry_after == seconds


def test_a_pause_that_is_asked_for(backend: ReferenceBackend) -> None:
    """Somebody waits for a read: only a moment is waited for."""
    backend.books.put_agent("shop", {})
    clock = FakeClock()
    plane = HttpControlPlane(backend.url, clock, token=SecretStr(TOKEN), timeout=10)
    backend.fault("status", status=503, retry_after="0")
    plane.agent("shop", tenant=TENANT)
    assert backend.counts()["agent"] == 2
    waited = list(clock.sleeps)
    backend.fault("status", status=503, retry_after="4", times=None)
    with pytest.raises(Unavailable) as caught:
        plane.agent("shop", tenant=TENANT)
    assert (clock.sleeps, caught.value.retry_after) == (waited, 4.0)
    assert backend.counts()["agent"] == 3
    plane.close()
