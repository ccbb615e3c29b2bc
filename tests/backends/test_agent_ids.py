"""Agents of a backend whose pages are smaller than what is asked for."""

import logging
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from shared.backends import agent_ids
from shared.backends.agent_ids import AgentIds
from shared.backends.http_control_plane import HttpControlPlane
from shared.ids import agent_uuid
from tests.backends.bridge import ASSISTANT, TOKEN
from tests.support.clock import FakeClock
from tests.support.reference_backend import ReferenceBackend

NAMES = [f"agent-{number:03d}" for number in range(30)]


@pytest.fixture
def ids() -> Iterator[AgentIds]:
    with ReferenceBackend(token=TOKEN) as backend:
        backend.books.max_page = 7
        for name in NAMES:
            backend.books.put_agent(name, ASSISTANT)
        plane = HttpControlPlane(backend.url, FakeClock(), token=SecretStr(TOKEN))
        yield AgentIds(plane, None)
        plane.close()


def test_all_of_them_are_listed_and_found(ids: AgentIds) -> None:
    assert list(ids.all("acme")) == NAMES
    assert ids.config(agent_uuid(NAMES[-1]), "acme").id == NAMES[-1]


def test_more_than_are_listed_are_said(
    ids: AgentIds, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(agent_ids, "MAX_AGENTS", 10)
    with caplog.at_level(logging.WARNING, "parley"):
        assert list(ids.all("acme")) == NAMES[:10]
    assert "there are more agents than are listed" in caplog.text
