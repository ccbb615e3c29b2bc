"""A turn's callback: where it may go, and what arrives."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mailbox.sink import Sink, listening
from tests.web.site import SECRET, Site, model_error, site_in


@pytest.fixture
def sink() -> Iterator[Sink]:
    with listening() as sink:
        yield sink


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with site_in(tmp_path, ALLOW_PRIVATE_ADDRESSES="true") as made:
        yield made


def test_it_is_signed_and_says_how_the_turn_ended(site: Site, sink: Sink) -> None:
    answer = site.turn("Hi", callback_url=f"{sink.url}/done").body
    site.work()
    [received] = sink.received
    assert received.path == "/done"
    timestamp = received.headers["x-parley-timestamp"]
    message = timestamp.encode() + b"." + received.body
    digest = hmac.new(SECRET.encode(), message, hashlib.sha256).hexdigest()
    assert received.headers["x-parley-signature"] == f"sha256={digest}"
    assert json.loads(received.body) == {
        "turn_id": answer["turn_id"],
        "session_id": answer["session_id"],
        "status": "completed",
        "text": "Hello!",
        "usage": answer["usage"],
    }


def test_a_failed_turn_is_reported_too(site: Site, sink: Sink) -> None:
    site.model.fault = model_error("CONTEXT_TOO_LONG")
    assert site.turn("Hi", callback_url=sink.url).status == 502
    site.work()
    [received] = sink.received
    body = json.loads(received.body)
    assert body["status"] == "failed"
    assert body["error"]["code"] == "CONTEXT_TOO_LONG"


def test_a_receiver_that_fails_holds_up_no_turn(site: Site, sink: Sink) -> None:
    sink.will_answer(500)
    session = site.turn("Hi", callback_url=sink.url).body["session_id"]
    assert site.turn("Again", session_id=session).status == 200


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/x",
        "http://localhost/x",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/",
        "http://10.0.0.1/",
        "https://user:secret@example.com/",
        "ftp://example.com/",
        "javascript:alert(1)",
        "not a url",
        "",
    ],
)
def test_private_and_odd_addresses_are_refused_at_once(tmp_path: Path, url: str) -> None:
    with site_in(tmp_path) as site:
        answer = site.turn("Hi", callback_url=url)
        assert answer.status == 422
        assert answer.body["error"]["code"] == "VALIDATION_ERROR"
        assert "callback_url" in answer.body["detail"]
        assert "secret" not in answer.text
        assert site.wakes.queued == []
        assert site.model.requests == []
