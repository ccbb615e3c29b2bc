"""Uploads: places where clients put what is too large for a message, before they send it.

They lie in Artifacts below `uploads/<tenant>/<conversation>/`, each under a random name. Its id
carries the conversation, and counts only in a session of that one, so an id of somebody else's
names nothing. What no message refers to goes away by its age.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from shared.clock import Clock
from shared.conversations.attachment_names import safe_name
from shared.conversations.sessions import Sessions
from shared.errors import NotFound, ServiceUnavailable, ValidationError
from shared.identity.principal import Principal
from shared.ids import pack, unpack
from shared.storage.artifacts import Artifacts, ArtifactsUnavailable

PREFIX = "uploads/"
SECONDS = 15 * 60
"""For how long a place can be used."""

KEPT_SECONDS = 24 * 3600
"""For how long an upload is kept. On AWS the bucket's lifecycle rule says the same."""

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
    """Makes places. `max_bytes` bounds one file."""

    def __init__(
        self, artifacts: Artifacts, sessions: Sessions, clock: Clock, *, max_bytes: int
    ) -> None:
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
            ServiceUnavailable: no place can be made just now.
        """
        session = self._sessions.find(principal, session_id)
        if session is None:
            raise NotFound("There is no such session.", code="SESSION_NOT_FOUND")
        if size > self._max:
            raise ValidationError(
                f"body.size: a file may have {self._max} bytes.",
                details={"faults": [{"path": "body.size", "message": f"at most {self._max}"}]},
            )
        token = secrets.token_hex(16)
        until = self._clock.now() + SECONDS * 1000
        try:
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
