"""How many uploads there may be at once, and pictures that a model refuses."""

from pathlib import Path
from typing import Any

import pytest

from shared.conversations.uploads import MAX_OPEN, SECONDS, Uploads, upload_name
from shared.identity.principal import Principal
from shared.tools.workspace import MAX_FILES
from tests.web.site import Site, model_error, site_in
from tests.web.test_uploads import GIF, begin, put, session_of

# -- pictures that a model cannot see ----------------------------------------------------------


def look(site: Site, session: str, message: str = "Look") -> Any:
    site.clock.sleep(1)
    images = [{"url": f"data:image/gif;base64,{GIF}"}]
    return site.turn(message, person="ann", session_id=session, images=images)


def go_on(site: Site, session: str) -> str:
    """What the model is asked by a message of words alone."""
    site.clock.sleep(1)
    site.model.fault = None
    answer = site.turn("And now?", person="ann", session_id=session)
    assert answer.status == 200, answer.text
    return str(site.model.requests[-1].messages)


@pytest.mark.parametrize("code", ["MODEL_REFUSED", "CONTEXT_TOO_LONG"])
def test_pictures_of_a_refused_turn_are_not_shown_again(site: Site, code: str) -> None:
    session, _ = session_of(site)
    site.model.fault = model_error(code)
    assert look(site, session).body["error"]["code"] == code
    asked = go_on(site, session)
    assert "'type': 'image'" not in asked
    assert 'Pictures that are not shown here: "image-1.gif"' in asked


def test_pictures_of_a_turn_that_failed_by_the_way_are_shown_again(site: Site) -> None:
    session, _ = session_of(site)
    site.model.fault = model_error("MODEL_OVERLOADED", retryable=True)
    assert look(site, session).status == 502
    assert "'type': 'image'" in go_on(site, session)


def test_a_conversation_goes_on_whose_earlier_pictures_are_refused(site: Site) -> None:
    session, _ = session_of(site)
    assert look(site, session).status == 200
    model, before = site.model, len(site.model.requests)

    def sees() -> list[bool]:
        return ["'type': 'image'" in str(each.messages) for each in model.requests[before:]]

    def blind() -> None:
        model.fault = model_error("MODEL_REFUSED") if sees()[-1] else None

    model.during = blind
    site.clock.sleep(1)
    answer = site.turn("And now?", person="ann", session_id=session)
    assert (answer.status, answer.body["text"]) == (200, "Hello!")
    assert sees() == [True, False]


# -- how many places there are -----------------------------------------------------------------


def test_so_many_places_of_a_conversation_are_open(site: Site) -> None:
    session, _ = session_of(site)
    for number in range(MAX_OPEN):
        assert begin(site, session, size=1).status == 201, number
        site.clock.sleep(10)
    full = begin(site, session, size=1)
    assert (full.status, full.body["error"]["code"]) == (429, "RATE_LIMITED")
    assert int(full.headers["retry-after"]) == SECONDS - 10 * MAX_OPEN
    another = site.turn(person="ann", agent_id="assistant").body["session_id"]
    assert begin(site, another, size=1).status == 201
    site.clock.sleep(SECONDS - 10 * MAX_OPEN - 1)
    assert begin(site, session, size=1).status == 429
    site.clock.sleep(1)
    assert begin(site, session, size=1).status == 201
    assert begin(site, session, size=1).status == 429


def test_uploads_of_a_conversation_have_its_room(tmp_path: Path) -> None:
    most = 100 * 1024 * 1024
    with site_in(tmp_path, MAX_UPLOAD_MB="100") as site:
        session, _ = session_of(site)
        for _ in range(5):
            assert begin(site, session, size=most).status == 201
        full = begin(site, session, size=1)
        assert (full.status, full.body["error"]["code"]) == (409, "CONFLICT")
        assert f"{5 * most} bytes within a day" in full.body["detail"]
        # What nobody sent takes no room when its place is closed.
        site.clock.sleep(SECONDS)
        assert begin(site, session, size=most).status == 201


def test_what_was_sent_takes_its_room_once(site: Site) -> None:
    session, conversation = session_of(site)
    for number in range(MAX_FILES - 1):
        name = upload_name("default", conversation, f"{number:032x}")
        site.deployment.artifacts.put(name, b"")
    place = begin(site, session)
    assert place.status == 201, place.text
    put(site, place.body["url"], b"hello")
    assert begin(site, session).status == 409
    site.deployment.artifacts.delete(upload_name("default", conversation, "0" * 32))
    assert begin(site, session).status == 201


def test_a_conversation_that_is_being_deleted_has_no_places(site: Site) -> None:
    session, conversation = session_of(site)
    assert begin(site, session).status == 201
    site.ask("DELETE", f"/conversations/{conversation}", person="ann")
    gone = begin(site, session)
    assert (gone.status, gone.body["error"]["code"]) == (404, "SESSION_NOT_FOUND")


def test_places_that_are_asked_for_at_once_are_counted_one_by_one(site: Site) -> None:
    session, _ = session_of(site)
    uploads, table = site.deployment.uploads, site.deployment.table
    rivals = 0

    class Raced:
        """Somebody else gets a place between the look and the write."""

        def get(self, keys: Any) -> Any:
            return table.get(keys)

        def update(self, change: Any) -> Any:
            nonlocal rivals
            if rivals:
                rivals -= 1
                assert begin(site, session, size=1).status == 201
            return table.update(change)

    raced = Uploads(
        site.deployment.artifacts,
        Raced(),  # type: ignore[arg-type]  # what it lacks is not asked for
        site.deployment.sessions,
        site.clock,
        max_bytes=10,
    )
    ann = Principal("default", "ann", frozenset())
    rivals = 3
    raced.begin(ann, session, name="a", mime_type="text/plain", size=1)
    for _ in range(MAX_OPEN - 4):
        uploads.begin(ann, session, name="a", mime_type="text/plain", size=1)
    assert begin(site, session, size=1).status == 429
