"""What a message brings, as a worker fetches and keeps it: once, whoever dies in between."""

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from shared.conversations.attachments import Attachments
from shared.conversations.messages import question
from shared.conversations.uploads import uploaded
from shared.ids import pack
from shared.mailbox.box import BoxKey, Job
from shared.mailbox.leases import LeaseLost
from shared.messaging.http import AddressRefused, HttpAnswer, HttpFailed
from shared.models.port import StreamClosed
from shared.storage.artifacts import ArtifactsUnavailable
from shared.storage.folder import FolderArtifacts
from shared.tools.workspace import MAX_FILES, Workspace
from tests.support.clock import FakeClock
from tests.support.pictures import chunk, png

PNG = png()
TOKEN = "0" * 32
BOX = BoxKey("conv", "a/b", "c1")


class Died(BaseException):
    """The process ends here."""


class Files(FolderArtifacts):
    """Counts what is written; the write with this number kills the process, before or after."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.written: list[str] = []
        self.dies: tuple[int, bool] | None = None
        self.away = False

    def put(self, name: str, data: bytes, **how: Any) -> None:
        if self.dies == (len(self.written), False):
            raise Died
        super().put(name, data, **how)
        self.written.append(name)
        if self.dies == (len(self.written) - 1, True):
            raise Died

    def list(self, prefix: str, **how: Any) -> Any:
        if self.away:
            raise ArtifactsUnavailable("away")
        return super().list(prefix, **how)


class Server:
    """Answers requests for URLs that end in its keys."""

    def __init__(self) -> None:
        self.says: dict[str, HttpAnswer | Exception] = {}
        self.asked: list[str] = []

    def check(self, url: str) -> None:
        """All may be called."""

    def request(
        self,
        method: str,
        url: str,
        body: bytes | None,
        headers: Mapping[str, str],
        *,
        timeout: float,
        max_bytes: int,
    ) -> HttpAnswer:
        assert (method, body) == ("GET", None)
        assert 0 < timeout <= 20
        self.asked.append(url)
        answer = self.says[url.rpartition("/")[2]]
        if isinstance(answer, Exception):
            raise answer
        return HttpAnswer(
            status=answer.status,
            headers=answer.headers,
            body=answer.body[:max_bytes],
            cut=len(answer.body) > max_bytes,
        )


class Host:
    """A turn that may go on for `left` seconds."""

    def __init__(self, left: float = 600) -> None:
        self.left = left

    def ready(self, seconds: float) -> float:
        return self.left

    def held(self) -> None:
        """It has the lease."""

    @contextmanager
    def watching(self, close: Callable[[], None]) -> Iterator[None]:
        yield


class Stopped(Host):
    """Somebody stops the turn as soon as it begins to fetch."""

    @contextmanager
    def watching(self, close: Callable[[], None]) -> Iterator[None]:
        close()
        yield


class Lost(Host):
    """The lease ends before the write with this number."""

    def __init__(self, write: int) -> None:
        super().__init__()
        self._writes = write

    def held(self) -> None:
        if not self._writes:
            raise LeaseLost
        self._writes -= 1


class Desk:
    def __init__(self, folder: Path) -> None:
        self.files, self.server, self.clock = Files(folder), Server(), FakeClock()
        self.workspace = Workspace(self.files, BOX.tenant, BOX.id)

    def bring(
        self,
        images: Sequence[str] = (),
        files: Sequence[tuple[str, str]] = (),
        ref: str = "TURN#s#r1",
        host: Host | None = None,
    ) -> Job:
        worker = Attachments(self.files, self.server, self.clock, max_bytes=1024 * 1024)
        return worker.bring(job(images, files, ref), host or Host())

    def brought(self, *args: Any, **more: Any) -> Any:
        return self.bring(*args, **more).body.get("brought")

    def kept(self) -> dict[str, bytes]:
        return {
            each.path: self.files.get(self.workspace.name(each.path)) or b""
            for each in self.workspace.files()
        }


def job(images: Sequence[str], files: Sequence[tuple[str, str]], ref: str = "TURN#s#r1") -> Job:
    payload: dict[str, Any] = {"message": "Look", "message_id": "m1"}
    if images:
        payload["images"] = [{"url": url} for url in images]
    if files:
        payload["files"] = [{"name": name, "url": url} for name, url in files]
    return Job(BOX, ref, {"added_at": 1}, {"payload": payload})


def data(content: bytes) -> str:
    return f"data:;base64,{base64.b64encode(content).decode()}"


def answer(body: bytes, status: int = 200, **headers: str) -> HttpAnswer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpAnswer(status=status, headers=named, body=body, cut=False)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "workspace")


def test_a_message_without_attachments_costs_nothing(desk: Desk) -> None:
    desk.files.away = True
    assert "brought" not in desk.bring().body


def test_what_comes_is_kept_and_noted_with_the_message(desk: Desk) -> None:
    desk.server.says["b.png"] = answer(PNG)
    made = desk.bring(
        [data(PNG), "https://x/b.png"], [("a.txt", data(b"A")), ("a.txt", data(b"B"))]
    )
    noted = {
        "images": [
            {"file": "image-1.png", "media_type": "image/png"},
            {"file": "image-2.png", "media_type": "image/png"},
        ],
        "files": ["a.txt", "a (2).txt"],
    }
    assert made.body["brought"] == noted
    assert noted.items() <= question(made).items()
    assert desk.kept() == {"a (2).txt": b"B", "a.txt": b"A", "image-1.png": PNG, "image-2.png": PNG}


def test_the_same_names_in_a_later_turn_get_numbers(desk: Desk) -> None:
    desk.bring(files=[("a.txt", data(b"1"))])
    later = desk.brought(files=[("A.txt", data(b"2")), ("a.txt", data(b"3"))], ref="TURN#s#r2")
    assert later == {"files": ["A (2).txt", "a (3).txt"]}
    assert desk.kept() == {"A (2).txt": b"2", "a (3).txt": b"3", "a.txt": b"1"}


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("write", range(4))
def test_a_worker_that_dies_is_followed_by_one_that_finds_what_is_there(
    desk: Desk, write: int, after: bool
) -> None:
    given: Any = ([data(PNG)], [("a.txt", "https://x/a"), ("a.txt", data(b"B"))])
    desk.server.says["a"] = answer(b"A")
    desk.files.dies = (write, after)
    with pytest.raises(Died):
        desk.bring(*given)
    desk.files.dies = None
    fetched = len(desk.server.asked)
    assert desk.brought(*given) == {
        "images": [{"file": "image-1.png", "media_type": "image/png"}],
        "files": ["a.txt", "a (2).txt"],
    }
    assert desk.kept() == {"a (2).txt": b"B", "a.txt": b"A", "image-1.png": PNG}
    # What had been kept was not fetched again.
    assert len(desk.server.asked) - fetched == (0 if (write, after) > (2, False) else 1)


def test_what_was_brought_is_not_brought_again(desk: Desk) -> None:
    made = desk.bring([data(PNG)])
    desk.files.away = True
    worker = Attachments(desk.files, desk.server, desk.clock, max_bytes=1)
    assert worker.bring(made, Host()) is made


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (AddressRefused("no"), "its address may not be called from here."),
        (HttpFailed("reset"), "its server gave no answer."),
        (answer(b"x", 302), "its address leads to another one, which is not followed."),
        (answer(b"x", 404), "its server answered 404."),
        (answer(b"x", 500), "its server answered 500."),
        (answer(b"x" * (1024 * 1024 + 1)), "it is larger than 1 MB."),
        (answer(b"x", content_encoding="gzip"), "its server sent it compressed."),
        (answer(b""), "it is empty."),
    ],
)
def test_what_cannot_be_fetched_is_said_in_words(desk: Desk, said: Any, why: str) -> None:
    desk.server.says["a"] = said
    brought = desk.brought(files=[("a", "https://x/a"), ("b", data(b"B"))])
    assert brought == {
        "files": ["b"],
        "failed": [f'The attachment "a" could not be had: {why}'],
    }
    assert desk.kept() == {"b": b"B"}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"hello", "it is no PNG, JPEG, GIF or WebP picture."),
        (b"RIFF0000WAVE", "it is no PNG, JPEG, GIF or WebP picture."),
        (b"\x89PNG\r\n\x1a\nno picture", "it is damaged, or not a whole picture."),
        (PNG[:-1], "it is damaged, or not a whole picture."),
        (png(8001), "it has 8001 x 1 pixels; a side may have 8000."),
    ],
)
def test_what_is_no_picture_is_not_kept(desk: Desk, content: bytes, why: str) -> None:
    desk.server.says["a"] = answer(content)
    assert desk.brought(["https://x/a"]) == {
        "failed": [f'The attachment "image-1" could not be had: {why}']
    }
    assert desk.kept() == {}


def test_a_picture_that_is_too_large_for_a_model(desk: Desk) -> None:
    worker = Attachments(desk.files, desk.server, desk.clock, max_bytes=9 * 1024 * 1024)
    desk.server.says["a.png"] = answer(png(more=chunk(b"tEXt", bytes(5 * 1024 * 1024))))
    brought = worker.bring(job(["https://x/a.png"], []), Host()).body["brought"]
    assert brought["failed"] == [
        'The attachment "image-1.png" could not be had: a picture may have 5 MB.'
    ]


def test_all_of_a_message_have_a_minute(desk: Desk) -> None:
    desk.server.says["a"] = answer(b"A")
    given = [("a", "https://x/a"), ("b", "https://x/a")]

    class Slow(Server):
        def request(self, *args: Any, **more: Any) -> HttpAnswer:
            desk.clock.sleep(61)
            return super().request(*args, **more)

    slow = Slow()
    slow.says = desk.server.says
    worker = Attachments(desk.files, slow, desk.clock, max_bytes=9)
    brought = worker.bring(job([], given), Host()).body["brought"]
    assert brought["files"] == ["a"]
    assert "took too long" in brought["failed"][0]


def test_no_more_time_is_taken_than_the_worker_has(desk: Desk) -> None:
    desk.server.says["a"] = answer(b"A")
    brought = desk.brought(files=[("a", "https://x/a")], host=Host(0))
    assert "took too long" in brought["failed"][0]
    assert desk.server.asked == []


def test_a_stopped_turn_fetches_nothing(desk: Desk) -> None:
    with pytest.raises(StreamClosed):
        desk.bring(files=[("a", "https://x/a")], host=Stopped())
    assert desk.server.asked == []


@pytest.mark.parametrize("write", range(3))
def test_a_worker_that_has_lost_its_lease_writes_nothing_more(desk: Desk, write: int) -> None:
    with pytest.raises(LeaseLost):
        desk.bring([data(PNG)], [("a.txt", data(b"A"))], host=Lost(write))
    assert len(desk.files.written) == write


def test_a_store_that_is_away_does_not_end_the_turn(desk: Desk) -> None:
    desk.files.away = True
    assert desk.brought(files=[("a", data(b"A"))]) == {
        "failed": ['The attachment "a" could not be had: it could not be stored.']
    }


def test_a_full_conversation_takes_no_more(desk: Desk) -> None:
    for number in range(MAX_FILES):
        desk.files.put(desk.workspace.name(f"{number:03}"), b"")
    [why] = desk.brought(files=[("a", data(b"A"))])["failed"]
    assert "has 200 files" in why


def test_uploads_are_those_of_the_own_conversation(desk: Desk) -> None:
    def place(conversation: str, token: str = TOKEN) -> str:
        return pack("upl", conversation, token, "é.txt", "text/plain")

    desk.files.put(f"uploads/a%2Fb/c1/{TOKEN}", b"mine")
    desk.files.put(f"uploads/a%2Fb/c2/{TOKEN}", b"theirs")
    given = [place("c1"), place("c1", "1" * 32), place("c2")]
    brought = desk.brought(files=[(f"{n}", f"upload:{each}") for n, each in enumerate(given)])
    assert brought["files"] == ["0"]
    assert desk.kept() == {"0": b"mine"}
    assert [each.rpartition(": ")[2] for each in brought["failed"]] == [
        "nothing was uploaded, or too long ago.",
        "there is no such upload.",
    ]
    assert uploaded(place("c1", "../../c2/" + TOKEN), "c1") is None
    assert uploaded("turn_x", "c1") is None
