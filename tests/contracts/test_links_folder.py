"""Links to files of a folder, as the local gateway serves them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.local.files import FileLinks
from shared.local.gateway import gateway
from shared.local.runtime import LambdaRuntime
from shared.local.server import GatewayServer
from shared.storage.artifacts import ArtifactsUnavailable
from shared.storage.folder import FolderArtifacts
from shared.storage.links import PATH, Grant, Links
from tests.contracts.links_contract import LinksContract, asked
from tests.support.clock import FakeClock

SECRET = "the-secret-that-signs-links"


@dataclass
class Laptop:
    artifacts: FolderArtifacts
    clock: FakeClock
    links: Links


@pytest.fixture
def laptop(tmp_path: Path) -> Iterator[Laptop]:
    clock = FakeClock()
    runtime = LambdaRuntime()

    def none(*_: object) -> None:
        raise AssertionError("a link came to a function")

    links = Links("", lambda: SECRET, clock)
    # The server says on which port it listens.
    files = FileLinks(FolderArtifacts(tmp_path / "w", links), links)
    app = gateway(runtime=runtime, connect=none, message=none, http=none, files=files)
    with GatewayServer(app) as server:
        served = Links(server.url, lambda: SECRET, clock)
        yield Laptop(FolderArtifacts(tmp_path / "w", served), clock, served)
    runtime.stop(5)


class TestFolder(LinksContract):
    @pytest.fixture
    def artifacts(self, laptop: Laptop) -> FolderArtifacts:
        return laptop.artifacts


def test_what_is_not_there_is_not_found(laptop: Laptop) -> None:
    url = laptop.artifacts.download_link("x", shown_as="x", content_type="a/b", seconds=60)
    assert asked("GET", url)[0] == 404


def test_a_link_expires(laptop: Laptop) -> None:
    laptop.artifacts.put("a", b"1")
    url = laptop.artifacts.download_link("a", shown_as="a", content_type="a/b", seconds=60)
    laptop.clock.sleep(59)
    assert asked("GET", url)[0] == 200
    laptop.clock.sleep(1)
    status, _, body = asked("GET", url)
    assert (status, b"expired" in body) == (403, True)


def test_a_link_is_for_one_method_one_size_and_one_type(laptop: Laptop) -> None:
    link = laptop.artifacts.upload_link("a", content_type="text/plain", size=3, seconds=60)
    typed = {"Content-Type": "text/plain"}
    assert asked("GET", link.url)[0] == 403
    assert asked("PUT", link.url, b"four", typed)[0] == 403
    assert asked("PUT", link.url, b"abc", {"Content-Type": "text/html"})[0] == 403
    assert laptop.artifacts.get("a") is None
    assert asked("PUT", link.url, b"abc", typed)[0] == 200
    down = laptop.artifacts.download_link("a", shown_as="a", content_type="a/b", seconds=60)
    assert asked("PUT", down, b"xyz", {"Content-Type": "a/b"})[0] == 403
    assert laptop.artifacts.get("a") == b"abc"


def test_what_was_not_signed_here_is_no_link(laptop: Laptop) -> None:
    laptop.artifacts.put("a", b"1")
    url = laptop.artifacts.download_link("a", shown_as="a", content_type="a/b", seconds=60)
    base, _, token = url.rpartition("/")
    other = Links("", lambda: "another secret", laptop.clock)
    forged = other.url(Grant("GET", "a", "a/b", 0, "a"), 60).rpartition("/")[2]
    said, _, signature = token.partition(".")
    for wrong in (
        forged,
        said,
        f"{said}.",
        f"{said}.{signature[:-2]}",
        f"x{token}",
        "é",
        "a" * 9000,
    ):
        assert asked("GET", f"{base}/{wrong.encode().hex() if wrong == 'é' else wrong}")[0] == 403
    assert laptop.links.read("é.é") is None


def test_browsers_get_what_is_safe(laptop: Laptop) -> None:
    laptop.artifacts.put("a", b"1")
    url = laptop.artifacts.download_link("a", shown_as="a", content_type="text/html", seconds=60)
    headers = {name.lower(): value for name, value in asked("GET", url)[1].items()}
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "sandbox"
    assert headers["access-control-allow-origin"] == "*"
    status, asked_first, _ = asked("OPTIONS", url)
    assert status == 204
    allowed = {name.lower(): value for name, value in asked_first.items()}
    assert "PUT" in allowed["access-control-allow-methods"]


def test_without_a_secret_there_are_no_links(tmp_path: Path) -> None:
    with pytest.raises(ArtifactsUnavailable):
        FolderArtifacts(tmp_path).upload_link("a", content_type="a/b", size=1, seconds=1)
    assert PATH.startswith("/_")
