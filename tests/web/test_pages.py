"""Web pages that ask for turns over HTTP, and the agents that may talk to them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.site import Site, site_in

AGENT = """
name: Shop
instructions: You help.
origins: ["https://shop.example.com"]
"""
TURN = {"agent_id": "shop", "message": "Hi", "wait": 0}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    agents = tmp_path / "agents"
    agents.mkdir()
    (agents / "shop.yaml").write_text(AGENT, "utf-8")
    with site_in(tmp_path, ASSISTANT_LOCAL_CONFIG_DIR=str(agents)) as made:
        yield made


def test_only_the_pages_of_an_agent_ask_it(site: Site) -> None:
    refused = site.ask("POST", "/executor/turns", TURN, Origin="https://evil.example.com")
    assert (refused.status, refused.body["error"]["code"]) == (403, "ORIGIN_NOT_ALLOWED")
    welcome = site.ask("POST", "/executor/turns", TURN, Origin="https://shop.example.com")
    assert welcome.status == 202
    assert site.ask("POST", "/executor/turns", TURN).status == 202
