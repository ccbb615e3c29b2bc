"""The pictures that a turn shows its model: those of its message, and the newest before."""

import logging
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from threading import Lock

from shared.conversations.messages import Message
from shared.mailbox.box import BoxKey
from shared.runner.pictures import MAX_BYTES, MAX_TOGETHER, SHOWN_AGAIN, Picture
from shared.storage.artifacts import Artifacts, ArtifactsUnavailable
from shared.tools.workspace import BadPath, Workspace

log = logging.getLogger("parley")

CACHE_BYTES = 32 * 1024 * 1024


class Pictures:
    """Reads pictures from workspaces; a warm worker keeps some. Safe for threads."""

    def __init__(self, artifacts: Artifacts, *, cache_bytes: int = CACHE_BYTES) -> None:
        self._artifacts = artifacts
        self._most = cache_bytes
        self._kept: OrderedDict[tuple[str, str], Picture] = OrderedDict()
        self._lock = Lock()

    def of(
        self, box: BoxKey, history: Sequence[Message], brought: Mapping[str, object]
    ) -> dict[str, Picture]:
        """By file: all that the message brought, and the newest of the history; as many as one
        request can have, the newest first. What cannot be read is left out."""
        new = list(_files([brought]))
        before = [file for file in _files(reversed(history)) if file not in new][:SHOWN_AGAIN]
        found: dict[str, Picture] = {}
        room = MAX_TOGETHER
        for file in [*new, *before]:
            picture = self._picture(box, file)
            if picture is not None and picture.size <= room:
                found[file] = picture
                room -= picture.size
        return found

    def _picture(self, box: BoxKey, file: str) -> Picture | None:
        key = (box.pk, file)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        try:
            workspace = Workspace(self._artifacts, box.tenant, box.id)
            picture = Picture.of(workspace.read(file, at_most=MAX_BYTES) or b"")
        except (ArtifactsUnavailable, BadPath):
            log.warning("picture not read", exc_info=True)
            return None
        if picture is not None:
            self._keep(key, picture)
        return picture

    def _keep(self, key: tuple[str, str], picture: Picture) -> None:
        with self._lock:
            self._kept[key] = picture
            while sum(each.size for each in self._kept.values()) > self._most:
                self._kept.popitem(last=False)


def _files(messages: Iterable[Mapping[str, object]]) -> Iterable[str]:
    """The images of messages that may be shown, in their order, each once."""
    named: dict[str, None] = {}
    for message in messages:
        images = message.get("images")
        for image in images if isinstance(images, list) else ():
            if not image.get("hidden"):
                named.setdefault(image["file"])
    return named
