"""What ALLOW_PRIVATE_ADDRESSES and ALLOWED_HOSTS do to the URLs that callers and agents set; and
that an answer leads nowhere else.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.errors import ConfigurationError
from shared.tools.port import ToolFault
from tests.messaging.guarded import (
    PUBLIC,
    Resolver,
    agents_with,
    guarded,
    settings,
    the_tool,
)
from tests.messaging.receivers import Receiver, receiver
from tests.tools.calls import context
from tests.web.site import Site, site_in

OPEN = {"ALLOW_PRIVATE_ADDRESSES": "true"}
HERE = ["127.0.0.1"]


@pytest.fixture
def server() -> Iterator[Receiver]:
    with receiver() as server:
        yield server


def call_back(site: Site, url: str) -> int:
    """The status that whoever sets it gets; then everything that there is to do is done."""
    status = site.turn("Hi", callback_url=url).status
    site.work()
    return status


# -- ALLOW_PRIVATE_ADDRESSES ------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
def test_private_addresses_can_be_opened_for_callbacks(
    tmp_path: Path, server: Receiver, host: str
) -> None:
    # Of names only the machine's own stands here: it asks no other machine for that.
    with site_in(tmp_path, **OPEN) as site:
        assert call_back(site, f"http://{host}:{server.port}/done") == 200

    assert [got.path for got in server.got] == ["/done"]


def test_private_addresses_can_be_opened_for_tools(tmp_path: Path, server: Receiver) -> None:
    with agents_with(tmp_path, f"http://127.0.0.1:{server.port}/a", environ=OPEN) as deployment:
        the_tool(deployment).run({}, context())

    assert [got.path for got in server.got] == ["/a"]


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0177.0.0.1", "a.example@127.0.0.1"])
def test_what_is_no_proper_form_stays_refused(tmp_path: Path, server: Receiver, host: str) -> None:
    url = f"http://{host}:{server.port}/"
    with site_in(tmp_path, **OPEN) as site:
        assert call_back(site, url) == 422
    with agents_with(tmp_path, url, environ=OPEN) as deployment, pytest.raises(ConfigurationError):
        deployment.agents.list("local")

    assert server.got == []


# -- ALLOWED_HOSTS ----------------------------------------------------------------------------

LISTED = {"ALLOWED_HOSTS": "API.example.com, *.example.org"}
ALLOWED = ["api.example.com", "API.Example.COM.", "hooks.example.org", "a.b.example.org"]
NOT_ALLOWED = [
    *("example.com", "www.example.com", "evil-api.example.com", "api.example.com.evil.example"),
    *("example.org", "evilexample.org", "example.org.evil.example", "\u24d4vilexample.org", PUBLIC),
    *("127.0.0.1", "localhost", "other.example"),
]


@pytest.mark.parametrize("host", ALLOWED)
def test_only_listed_hosts_are_called(tmp_path: Path, server: Receiver, host: str) -> None:
    resolver = Resolver(HERE)
    guard = guarded(settings(**LISTED, **OPEN), resolver)
    url = f"http://{host}:{server.port}/"
    with site_in(tmp_path) as site:
        site.deployment.guard = guard
        assert call_back(site, url) == 200
    with agents_with(tmp_path, url, guard=guard) as deployment:
        the_tool(deployment).run({}, context())

    assert [got.method for got in server.got] == ["POST", "GET"]


@pytest.mark.parametrize("more", [{}, OPEN], ids=["private ones closed", "private ones open"])
@pytest.mark.parametrize("host", NOT_ALLOWED)
def test_what_is_not_listed_is_refused_when_it_is_set(
    tmp_path: Path, server: Receiver, host: str, more: dict[str, str]
) -> None:
    url = f"http://{host}:{server.port}/"
    with site_in(tmp_path, **LISTED, **more) as site:
        answer = site.turn("Hi", callback_url=url)
    with (
        agents_with(tmp_path, url, environ={**LISTED, **more}) as deployment,
        pytest.raises(ConfigurationError, match="is not among ALLOWED_HOSTS"),
    ):
        deployment.agents.list("local")

    assert answer.status == 422
    assert "is not among ALLOWED_HOSTS" in answer.body["detail"]
    assert server.got == []


def test_a_listed_host_must_still_be_public(tmp_path: Path, server: Receiver) -> None:
    guard = guarded(settings(**LISTED), Resolver(HERE))
    url = f"http://api.example.com:{server.port}/"
    with site_in(tmp_path) as site:
        site.deployment.guard = guard
        assert call_back(site, url) == 422
    with agents_with(tmp_path, url, guard=guard) as deployment:
        tool = the_tool(deployment)
        with pytest.raises(ToolFault, match="may not be called"):
            tool.run({}, context())

    assert server.got == []


# -- where a request ends up ------------------------------------------------------------------


def test_the_connection_goes_to_the_address_that_was_checked(
    tmp_path: Path, server: Receiver
) -> None:
    """Another answer, which nobody has checked, would be an address of nobody."""
    url = f"http://rebinding.example:{server.port}/"
    resolver = Resolver(HERE, HERE, ["192.0.2.1"])
    with site_in(tmp_path) as site:
        site.deployment.guard = guarded(settings(**OPEN), resolver)
        assert call_back(site, url) == 200
    asked_by_callback = len(resolver.asked)
    resolver = Resolver(HERE, ["192.0.2.1"])
    with agents_with(tmp_path, url, guard=guarded(settings(**OPEN), resolver)) as deployment:
        the_tool(deployment).run({}, context())

    assert (asked_by_callback, len(resolver.asked)) == (2, 1)
    assert [got.method for got in server.got] == ["POST", "GET"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("where", ["http://127.0.0.1:{port}/", "//127.0.0.1:{port}/", "/again"])
def test_no_redirect_is_followed(tmp_path: Path, server: Receiver, status: int, where: str) -> None:
    with receiver() as private:
        server.status = status
        server.headers = {"Location": where.format(port=private.port)}
        url = f"http://127.0.0.1:{server.port}/first"
        with site_in(tmp_path, **OPEN) as site:
            assert call_back(site, url) == 200
        for method in ("GET", "POST", "DELETE"):
            with agents_with(tmp_path, url, method=method, environ=OPEN) as deployment:
                tool = the_tool(deployment)
                with pytest.raises(ToolFault):
                    tool.run({}, context())

    # The callback is tried more than once: a redirect is no success.
    assert {(got.method, got.path) for got in server.got} == {
        (method, "/first") for method in ("GET", "POST", "DELETE")
    }
    assert private.got == []
