"""What a message brings with it: fetched once, kept in the conversation's workspace.

The names under which attachments are kept are written down before the first of them is, so a
worker that takes the turn over finds what is there already. What cannot be had is told to the
model in words; the turn goes on.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, Protocol

from shared.clock import Clock
from shared.conversations.attachment_names import free_name
from shared.conversations.given import Given, given_with
from shared.conversations.uploads import upload_name, uploaded
from shared.mailbox.box import Job
from shared.messaging.http import AddressRefused, HttpClient, HttpFailed
from shared.models.port import StreamClosed
from shared.protocol.attachments import UPLOAD, data_of
from shared.runner.pictures import BadPicture, kind_of, shown_kind
from shared.storage.artifacts import ArtifactExists, Artifacts, ArtifactsUnavailable
from shared.tools.file_tools import media_type
from shared.tools.workspace import (
    MAX_FILES,
    MAX_TOTAL_BYTES,
    Workspace,
    conversation_folder,
)

log = logging.getLogger("parley")

FETCH_SECONDS = 20.0
"""For one attachment."""

TOGETHER_SECONDS = 60.0
"""For all attachments of a message."""

_MB = 1024 * 1024


class Watching(Protocol):
    def ready(self, seconds: float) -> float:
        """See `Host.ready`."""
        ...

    def held(self) -> None:
        """Right before a write outside the store. Raises LeaseLost: another worker may have the
        turn, or what it belongs to may be gone."""
        ...

    def watching(self, close: Callable[[], None]) -> AbstractContextManager[None]:
        """See `Host.watching`."""
        ...


class NotHad(Exception):
    """An attachment cannot be had. The text goes on after `could not be had: `."""


class Attachments:
    """Brings what messages have with them. `max_bytes` bounds one of them."""

    def __init__(
        self, artifacts: Artifacts, http: HttpClient, clock: Clock, *, max_bytes: int
    ) -> None:
        self._artifacts = artifacts
        self._http = http
        self._clock = clock
        self._max = max_bytes

    def bring(self, job: Job, host: Watching) -> Job:
        """The turn with what it brought in its body: `brought` is `{images: [{file, media_type}],
        files: [names], failed: [sentences]}`, what there is of it. One that brings nothing, or has
        brought it, is as it was. Raises what `Host.ready` and `Host.watching` raise."""
        given = given_with(job)
        if not given or "brought" in job.body:
            return job
        seconds = min(TOGETHER_SECONDS, host.ready(TOGETHER_SECONDS))
        closed = self._clock.event()
        with host.watching(closed.set):
            brought = self._brought(job, given, host, closed.is_set, seconds)
        return replace(job, body={**job.body, "brought": brought})

    def _brought(
        self,
        job: Job,
        given: Sequence[Given],
        host: Watching,
        closed: Callable[[], bool],
        seconds: float,
    ) -> dict[str, Any]:
        images: list[dict[str, str]] = []
        files: list[str] = []
        failed: list[str] = []
        workspace = Workspace(self._artifacts, job.key.tenant, job.key.id)
        try:
            there = {entry.path: entry.size for entry in workspace.files()}
            names = self._names(job, given, host, there)
        except ArtifactsUnavailable:
            log.warning("attachments not kept", exc_info=True)
            return {"failed": [_sentence(each.name, "it could not be stored.") for each in given]}
        deadline = self._clock.monotonic() + seconds
        for each, name in zip(given, names, strict=True):
            if closed():
                raise StreamClosed
            try:
                content = self._content(job, workspace, each, name, there, host, deadline)
                if each.is_image:
                    images.append({"file": name, "media_type": _shown_kind(content)})
                else:
                    files.append(name)
            except NotHad as why:
                log.info("attachment not had")
                failed.append(_sentence(each.name, str(why)))
        found = {"images": images, "files": files, "failed": failed}
        return {kind: entries for kind, entries in found.items() if entries}

    def _names(
        self, job: Job, given: Sequence[Given], host: Watching, there: Mapping[str, int]
    ) -> list[str]:
        """Under what the attachments are kept, whichever worker keeps them."""
        turn = hashlib.sha256(job.ref.encode()).hexdigest()[:32]
        plan = f"{conversation_folder(job.key.tenant, job.key.id)}attached/{turn}.json"
        if any(each.name == plan for each in self._artifacts.list(plan, limit=1).artifacts):
            return self._planned(plan)
        names: list[str] = []
        for each in given:
            names.append(free_name(each.name, {*there, *names}))
        try:
            data = json.dumps(names).encode()
            host.held()
            self._artifacts.put(plan, data, content_type="application/json", if_absent=True)
        except ArtifactExists:
            # Our own write, whose answer was lost, or a worker that is not the turn's any more.
            return self._planned(plan)
        return names

    def _planned(self, plan: str) -> list[str]:
        names: list[str] = json.loads(self._artifacts.get(plan) or b"[]")
        return names

    def _content(
        self,
        job: Job,
        workspace: Workspace,
        given: Given,
        name: str,
        there: dict[str, int],
        host: Watching,
        deadline: float,
    ) -> bytes:
        """What is kept under the name, from now on. Of a file that is there already, nothing is
        read. Raises NotHad."""
        try:
            if name in there:
                return self._artifacts.get(workspace.name(name)) or b"" if given.is_image else b""
            if len(there) >= MAX_FILES:
                raise NotHad(f"the conversation has {MAX_FILES} files, and may have no more.")
            content = self._fetched(job, given, deadline)
            if given.is_image:
                _shown_kind(content)
            if sum(there.values()) + len(content) > MAX_TOTAL_BYTES:
                raise NotHad(f"the conversation may have {MAX_TOTAL_BYTES // _MB} MB of files.")
            kind = kind_of(content) or given.mime_type or media_type(name)
            host.held()
            self._artifacts.put(workspace.name(name), content, content_type=kind)
        except ArtifactsUnavailable:
            log.warning("attachment not kept", exc_info=True)
            raise NotHad("it could not be stored.") from None
        there[name] = len(content)
        return content

    def _fetched(self, job: Job, given: Given, deadline: float) -> bytes:
        """What is at the URL, which was checked when the message came. Raises NotHad."""
        content = data_of(given.url)
        if content is None:
            if given.url.startswith(UPLOAD):
                content = self._uploaded(job, given.url.removeprefix(UPLOAD))
            else:
                content = self._downloaded(given.url, deadline)
        if not content:
            raise NotHad("it is empty.")
        return content

    def _uploaded(self, job: Job, upload_id: str) -> bytes:
        found = uploaded(upload_id, job.key.id)
        if found is None:
            raise NotHad("there is no such upload.")
        name = upload_name(job.key.tenant, job.key.id, found.token)
        size = next((each.size for each in self._artifacts.list(name, limit=1).artifacts), None)
        if size is None:
            raise NotHad("nothing was uploaded, or too long ago.")
        if size > self._max:
            raise self._too_large()
        return self._artifacts.get(name) or b""

    def _downloaded(self, url: str, deadline: float) -> bytes:
        left = deadline - self._clock.monotonic()
        if left <= 0:
            raise NotHad("the attachments of this message took too long.")
        try:
            answer = self._http.request(
                "GET",
                url,
                None,
                {"Accept": "*/*"},
                timeout=min(left, FETCH_SECONDS),
                max_bytes=self._max,
            )
        except AddressRefused:
            raise NotHad("its address may not be called from here.") from None
        except HttpFailed:
            raise NotHad("its server gave no answer.") from None
        if 300 <= answer.status < 400:
            raise NotHad("its address leads to another one, which is not followed.")
        if answer.status != 200:
            raise NotHad(f"its server answered {answer.status}.")
        if answer.cut:
            raise self._too_large()
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise NotHad("its server sent it compressed.")
        return answer.body

    def _too_large(self) -> NotHad:
        return NotHad(f"it is larger than {self._max // _MB} MB.")


def _shown_kind(content: bytes) -> str:
    """The media type of a picture that a model can be shown. Raises NotHad."""
    try:
        return shown_kind(content)
    except BadPicture as why:
        raise NotHad(str(why)) from None


def _sentence(name: str, why: str) -> str:
    return f"The attachment {json.dumps(name, ensure_ascii=False)} could not be had: {why}"
