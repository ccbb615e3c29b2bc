"""Uploads: places where clients put what is too large for a message, before they send it.

They lie in Artifacts below `uploads/<tenant>/<conversation>/`, each under a random name. Its id
carries the conversation, and counts only in a session of that one, so an id of somebody else's
names nothing. What no message refers to goes away by its age. The places that are open stand in
META of the conversation (`uploads`, and `uploads_rev` for whoever changes them), so that there are
only so many, and none in a conversation that is being deleted.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from shared.clock import Clock
from shared.conversations.attachment_names import safe_name
from shared.conversations.items import STANDS, Session, living, meta_key
from shared.conversations.sessions import Sessions
from shared.errors import (
    ConflictError,
    NotFound,
    RateLimited,
    ServiceUnavailable,
    ValidationError,
)
from shared.identity.principal import Principal
from shared.ids import pack, unpack
from shared.storage.artifacts import Artifacts, ArtifactsUnavailable
from shared.storage.expressions import Assign, attr
from shared.storage.table import ConditionFailed, Table, Update
from shared.tools.workspace import MAX_FILES, MAX_TOTAL_BYTES

PREFIX = "uploads/"
SECONDS = 15 * 60
"""For how long a place can be used."""

KEPT_SECONDS = 24 * 3600
"""For how long an upload is kept. On AWS the bucket's lifecycle rule says the same."""

MAX_OPEN = 20
"""Places of one conversation that can be used at the same time."""

_TRIES = 5
_KIND = "upl"
_TOKEN = re.compile(r"[0-9a-f]{32}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class UploadPlace:
    """Where one file may be sent, by whom has it. `expires_at` is in milliseconds."""

    id: str
    url: str
    method: str
    headers: Mapping[str, str]
    expires_at: int


@dataclass(frozen=True)
class Uploaded:
    """What an id says."""

    token: str
    name: str
    mime_type: str


class Uploads:
    """Makes places. `max_bytes` bounds one file. What lies in the places of a conversation, and
    may yet be sent there, is no more than its workspace can hold."""

    def __init__(
        self,
        artifacts: Artifacts,
        table: Table,
        sessions: Sessions,
        clock: Clock,
        *,
        max_bytes: int,
    ) -> None:
        self._table = table
        self._artifacts = artifacts
        self._sessions = sessions
        self._clock = clock
        self._max = max_bytes

    def begin(
        self, principal: Principal, session_id: str, *, name: str, mime_type: str, size: int
    ) -> UploadPlace:
        """A place for one file of exactly this size, for messages of this session.

        Raises:
            NotFound: SESSION_NOT_FOUND: no such session, or not the principal's.
            ValidationError: it is too large.
            RateLimited: `MAX_OPEN` places are open.
            ConflictError: the uploads of the conversation take up all its room.
            ServiceUnavailable: no place can be made just now.
        """
        session = self._sessions.find(principal, session_id)
        if session is None:
            raise _no_session()
        if size > self._max:
            raise ValidationError(
                f"body.size: a file may have {self._max} bytes.",
                details={"faults": [{"path": "body.size", "message": f"at most {self._max}"}]},
            )
        token = secrets.token_hex(16)
        until = self._clock.now() + SECONDS * 1000
        try:
            self._open(session, token, size, until)
            link = self._artifacts.upload_link(
                upload_name(session.tenant, session.conversation, token),
                content_type=mime_type,
                size=size,
                seconds=SECONDS,
            )
        except ArtifactsUnavailable as fault:
            raise ServiceUnavailable from fault
        return UploadPlace(
            # A name that fits a file also fits an id.
            id=pack(_KIND, session.conversation, token, safe_name(name), mime_type),
            url=link.url,
            method=link.method,
            headers=link.headers,
            expires_at=until,
        )

    def _open(self, session: Session, token: str, size: int, until: int) -> None:
        """Note one more place, if there is room for it. Raises like `begin`."""
        meta = living(self._table.get([meta_key(session.box)])[0])
        lying = self._lying(session)
        for _ in range(_TRIES):
            if meta is None:
                raise _no_session()
            now, rev = self._clock.now(), int(meta.attrs.get("uploads_rev", 0))
            noted = meta.attrs.get("uploads", {})
            places = {each: place for each, place in noted.items() if place["until"] > now}
            if len(places) >= MAX_OPEN:
                first = min(place["until"] for place in places.values())
                raise RateLimited(
                    f"{MAX_OPEN} uploads of this conversation are open. Use them, or wait.",
                    retry_after=max(1, -(-(first - now) // 1000)),
                )
            places[token] = {"until": until, "size": size}
            _check_room({**lying, **{each: place["size"] for each, place in places.items()}})
            changes = [Assign(("uploads",), places), Assign(("uploads_rev",), rev + 1)]
            same = attr("uploads_rev").eq(rev) if rev else attr("uploads_rev").absent()
            try:
                self._table.update(Update(meta_key(session.box), changes, STANDS & same))
                return
            except ConditionFailed as failed:
                meta = living(failed.failures.get(0))
        raise ServiceUnavailable

    def _lying(self, session: Session) -> Mapping[str, int]:
        """The bytes of what was sent and has not gone yet, by token."""
        folder = upload_name(session.tenant, session.conversation, "")
        found = self._artifacts.list(folder, limit=MAX_FILES).artifacts
        return {each.name.removeprefix(folder): each.size for each in found}


def _check_room(sizes: Mapping[str, int]) -> None:
    if len(sizes) > MAX_FILES or sum(sizes.values()) > MAX_TOTAL_BYTES:
        raise ConflictError(
            f"The uploads of this conversation may be {MAX_FILES} files with {MAX_TOTAL_BYTES} "
            "bytes within a day."
        )


def _no_session() -> NotFound:
    return NotFound("There is no such session.", code="SESSION_NOT_FOUND")


def upload_name(tenant: str, conversation: str, token: str) -> str:
    """The name of an upload in Artifacts."""
    return f"{PREFIX}{quote(tenant, safe='')}/{conversation}/{token}"


def uploaded(upload_id: str, conversation: str) -> Uploaded | None:
    """What the id says, if it is one of this conversation; whether anything was sent there is not
    looked up."""
    try:
        of, token, name, mime_type = unpack(_KIND, upload_id, 4)
    except NotFound:
        return None
    if of != conversation or not _TOKEN.fullmatch(token):
        return None
    return Uploaded(token, name, mime_type)


def sweep(artifacts: Artifacts, clock: Clock) -> None:
    """Remove the uploads that are old enough, where no lifecycle rule does it."""
    before = clock.now() - KEPT_SECONDS * 1000
    cursor: str | None = None
    while True:
        listing = artifacts.list(PREFIX, cursor=cursor)
        for each in listing.artifacts:
            if each.written_at < before:
                artifacts.delete(each.name)
        if listing.cursor is None:
            return
        cursor = listing.cursor
