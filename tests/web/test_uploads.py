"""Files over HTTP: places for uploads, messages with attachments, workspaces."""

import base64
from pathlib import Path
from typing import Any

import pytest

from shared.conversations.uploads import KEPT_SECONDS, SECONDS, sweep, upload_name, uploaded
from shared.errors import ConfigurationError
from shared.settings import Settings
from shared.storage.folder import FolderArtifacts
from shared.tools.workspace import Workspace
from tests.support.clock import FakeClock
from tests.support.pictures import gif
from tests.web.site import Site, site_in

GIF = base64.b64encode(gif()).decode()
NEW = {"name": "a.txt", "mime_type": "text/plain; charset=utf-8", "size": 5}


def session_of(site: Site, person: str = "ann") -> tuple[str, str]:
    """A session and its conversation."""
    answer = site.turn(person=person)
    assert answer.status == 200, answer.text
    session: str = answer.body["session_id"]
    [listed] = site.ask("GET", "/conversations", person=person).body
    return session, listed["conversation_id"]


def put(site: Site, url: str, content: bytes) -> None:
    """What the gateway of a laptop does with a link."""
    grant = site.deployment.file_links.read(url.rpartition("/")[2])
    assert grant is not None
    assert (grant.method, grant.size) == ("PUT", len(content))
    site.deployment.artifacts.put(grant.name, content)


def begin(site: Site, session: str, **more: Any) -> Any:
    body = {"session_id": session, **NEW, **more}
    return site.ask("POST", "/uploads", body, person="ann")


def test_an_upload_comes_with_a_message_and_is_listed_and_fetched(site: Site) -> None:
    session, conversation = session_of(site)
    place = begin(site, session)
    assert place.status == 201
    assert place.headers["cache-control"] == "no-store"
    assert set(place.body) == {"upload_id", "url", "method", "headers", "expires_at"}
    assert place.body["headers"] == {"Content-Type": "text/plain"}
    put(site, place.body["url"], b"hello")

    files = [{"name": "my.txt", "url": f"upload:{place.body['upload_id']}"}]
    images = [{"url": f"data:image/gif;base64,{GIF}"}]
    turn = site.turn("", person="ann", session_id=session, files=files, images=images)
    assert turn.status == 200, turn.text
    asked = site.model.requests[-1].messages[-1]["content"]
    assert asked[0]["source"] == {"type": "base64", "media_type": "image/gif", "data": GIF}
    assert '"my.txt"' in asked[1]["text"]

    path = f"/conversations/{conversation}/files"
    listed = site.ask("GET", path, person="ann").body
    assert [(each["path"], each["size"], each["mime_type"]) for each in listed] == [
        ("image-1.gif", len(gif()), "image/gif"),
        ("my.txt", 5, "text/plain"),
    ]
    fetched = site.ask("GET", f"{path}/my.txt", person="ann")
    assert (fetched.status, fetched.text) == (302, "")
    assert fetched.headers["content-disposition"] == "attachment"
    assert fetched.headers["x-content-type-options"] == "nosniff"
    assert fetched.headers["cache-control"] == "no-store"
    grant = site.deployment.file_links.read(fetched.headers["location"].rpartition("/")[2])
    assert grant is not None
    assert site.deployment.artifacts.get(grant.name) == b"hello"
    assert grant.shown_as == "my.txt"


def test_a_place_is_good_for_a_quarter_of_an_hour(site: Site) -> None:
    session, _ = session_of(site)
    token = begin(site, session).body["url"].rpartition("/")[2]
    site.clock.sleep(SECONDS - 1)
    assert site.deployment.file_links.read(token) is not None
    site.clock.sleep(1)
    assert site.deployment.file_links.read(token) is None


def test_only_in_the_own_session(site: Site) -> None:
    session, conversation = session_of(site)
    for person, named in (("bob", session), ("ann", "00000000-0000-4000-8000-000000000000")):
        body = {"session_id": named, **NEW}
        answer = site.ask("POST", "/uploads", body, person=person)
        assert (answer.status, answer.body["error"]["code"]) == (404, "SESSION_NOT_FOUND")
    theirs, _ = session_of(site, "bob")
    place = begin(site, session).body["upload_id"]
    files = [{"name": "a", "url": f"upload:{place}"}]
    refused = site.turn(person="bob", session_id=theirs, files=files)
    never = site.turn(person="bob", session_id=theirs, files=[{**files[0], "url": "upload:no"}])
    assert refused.body == never.body
    assert refused.body["detail"] == "body.files.0.url: names no upload of this session"
    found = uploaded(place, conversation)
    assert found is not None
    for path in ("", "/a.txt"):
        other = site.ask("GET", f"/conversations/{conversation}/files{path}", person="bob")
        assert other.body["error"]["code"] == "CONVERSATION_NOT_FOUND"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("size", 0),
        ("size", 26_214_401),
        ("size", "5 MB"),
        ("name", ""),
        ("name", "x" * 256),
        ("name", "a\x00"),
        ("mime_type", "text"),
        ("mime_type", "text/plain\r\nX: y"),
        ("session_id", " "),
        ("other", 1),
    ],
)
def test_what_cannot_be_uploaded_is_refused_by_name(site: Site, field: str, value: Any) -> None:
    session, _ = session_of(site)
    answer = begin(site, session, **{field: value})
    assert answer.status == 422
    assert answer.body["detail"].startswith(f"body.{field}: ")


def test_the_limit_is_a_setting(tmp_path: Path) -> None:
    with site_in(tmp_path, MAX_UPLOAD_MB="1") as site:
        session, _ = session_of(site)
        assert begin(site, session, size=1024 * 1024).status == 201
        assert begin(site, session, size=1024 * 1024 + 1).status == 422
    with pytest.raises(ConfigurationError, match="MAX_UPLOAD_MB"):
        Settings.load({"MAX_UPLOAD_MB": "101"}, loopback=True)


@pytest.mark.parametrize(
    "path", ["none.txt", "..%2f..%2fx", "%2e%2e/x", "a//b", "x%5cy", "a%00", "/etc/passwd", "é"]
)
def test_a_file_that_is_not_there(site: Site, path: str) -> None:
    _, conversation = session_of(site)
    answer = site.ask("GET", f"/conversations/{conversation}/files/{path}", person="ann")
    assert (answer.status, answer.body["error"]["code"]) == (404, "FILE_NOT_FOUND")


def test_the_same_key_with_other_attachments_is_another_request(site: Site) -> None:
    images = [{"url": f"data:image/gif;base64,{GIF}"}]
    first = site.turn(person="ann", Idempotency_Key="k", images=images)
    again = site.turn(person="ann", Idempotency_Key="k", images=images)
    assert first.body["turn_id"] == again.body["turn_id"]
    for other in ([], [{"url": "data:image/gif;base64,R0lGODdh"}]):
        assert site.turn(person="ann", Idempotency_Key="k", images=other).status == 422


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"message": ""}, "body.message"),
        ({"images": [{"url": "http://example.com/a.png"}]}, "body.images.0.url"),
        ({"images": [{"url": "data:image/png;base64,"}]}, "body.images.0.url"),
        ({"images": [{"url": "data:image/png,abc"}]}, "body.images.0.url"),
        ({"images": [{"url": f"data:;base64,{GIF}", "detail": "huge"}]}, "body.images.0.detail"),
        ({"images": [{"url": f"data:;base64,{GIF}"}] * 9}, "body.images"),
        ({"files": [{"name": "a", "url": f"data:;base64,{GIF}"}] * 17}, "body.files"),
        ({"files": [{"url": f"data:;base64,{GIF}"}]}, "body.files.0.name"),
        ({"files": [{"name": "a", "url": "https://x/" + "x" * 2050}]}, "body.files.0.url"),
        ({"files": [{"name": "a", "url": "data:;base64," + "A" * 60_000}] * 2}, "body.files"),
    ],
)
def test_what_is_no_attachment_is_refused_by_name(
    site: Site, body: dict[str, Any], path: str
) -> None:
    answer = site.ask("POST", "/executor/turns", {"agent_id": "assistant", "message": "Hi", **body})
    assert answer.status == 422
    assert answer.body["error"]["details"]["faults"][0]["path"] == path


def test_old_uploads_are_swept(site: Site) -> None:
    artifacts = FolderArtifacts(site.deployment.settings.workspace_base)
    artifacts.put(upload_name("t", "c", "0" * 32), b"1")
    Workspace(artifacts, "t", "c").write("kept", b"1", "text/plain")
    [old] = artifacts.list("uploads/").artifacts
    clock = FakeClock(old.written_at + KEPT_SECONDS * 1000)
    sweep(artifacts, clock)
    assert len(artifacts.list("uploads/").artifacts) == 1
    clock.advance(0.001)
    sweep(artifacts, clock)
    assert [each.name for each in artifacts.list("").artifacts] == ["conversations/t/c/files/kept"]
