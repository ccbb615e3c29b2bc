"""Headers that say where a request was sent to."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.site import TOKEN, Site, site_in

KEYS = {"AUTH_MODE": "jwt", "AUTH_JWT_SECRET": "s" * 32}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with site_in(tmp_path, **KEYS) as made:
        yield made


@pytest.mark.parametrize("host", ["x:y", "[::1]:8787", "::1", "x:", "x:1:2", "é", "", "a b"])
@pytest.mark.parametrize("port", ["abc", "-1", "443"])
def test_odd_ones_harm_nobody(site: Site, host: str, port: str) -> None:
    odd = {"host": host, "x_forwarded_port": port}
    assert site.ask("GET", "/health", **odd).status == 200
    assert site.ask("GET", "/conversations", token="nonsense", **odd).status == 401


@pytest.mark.parametrize("host", ["x/executor?", "x/executor", "x/executor#", "executor"])
def test_none_says_where_the_service_token_counts(site: Site, host: str) -> None:
    assert site.ask("POST", "/tickets", {}, token=TOKEN, host=host).status == 401
    assert site.ask("GET", "/conversations", token=TOKEN, host=host).status == 401
    for path in ("//executor/turns", "/executor/../tickets", "/executorx", "/turnsx"):
        assert site.ask("POST", path, {}, token=TOKEN, host=host).status in (401, 404)
