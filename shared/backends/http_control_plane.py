"""The control plane over HTTP: a product that answers as docs/backends.md says."""

import hashlib
import json
import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from pydantic import SecretStr

from shared.backends.bounded import BoundedCache
from shared.backends.control_plane import (
    AgentConfig,
    AgentPage,
    CallRecord,
    Escalation,
    Finalized,
    Malformed,
    NotThere,
    Refused,
    Snippet,
    TranscriptSegment,
)
from shared.backends.http_answers import Call, FoundListing, Listing, mapping, shaped
from shared.backends.http_requests import BackendApi, Request
from shared.backends.sources import BackendSource
from shared.clock import Clock
from shared.protocol.names import checked_id
from shared.protocol.replies import iso_time

MAX_CONFIG = 1024 * 1024
"""Bytes."""

MAX_PAGE = 100
MAX_KNOWLEDGE_ID = 256
MAX_ODD = 1024
MAX_SHOWN = 64

log = logging.getLogger("parley")


class HttpControlPlane:
    """A backend at `url`; connections to it are kept. Several threads may use it at once.

    `timeout` (seconds) bounds each request as a whole, and of reads all attempts together. Reads
    are tried again where no answer came that counts; whoever writes does that with the same key.
    """

    def __init__(
        self, url: str, clock: Clock, *, token: SecretStr | None = None, timeout: float = 5.0
    ) -> None:
        self._api = BackendApi(url, clock, token=token, timeout=timeout)
        self._odd = BoundedCache[tuple[str, str], bool](MAX_ODD)

    def close(self) -> None:
        """Close the connections that are kept."""
        self._api.close()

    # -- agents, tools, knowledge -----------------------------------------------------------

    def agent(self, agent_id: str, *, tenant: str) -> AgentConfig:
        asked = Request(
            method="GET",
            route="/assistants/{id}/config",
            path=f"/assistants/{_checked(agent_id)}/config",
            tenant=tenant,
            max_bytes=MAX_CONFIG,
        )
        values = mapping(str(asked), self._api.read(asked))
        return AgentConfig(
            id=agent_id, version=_digest(values), values=values, source=BackendSource(agent_id)
        )

    def agents(self, *, tenant: str, limit: int, cursor: str | None = None) -> AgentPage:
        page, size = _position(cursor) if cursor else (1, min(limit, MAX_PAGE))
        query = urlencode({"page": page, "page_size": size})
        asked = Request(
            method="GET", route="/assistants", path=f"/assistants?{query}", tenant=tenant
        )
        found = shaped(str(asked), Listing, self._api.read(asked))
        if found.page != page or found.page_size > size or len(found.items) > found.page_size:
            raise Malformed(f"{asked}: another page than was asked for")
        more = found.items and page * found.page_size < found.total
        return AgentPage(
            ids=[item.id for item in found.items if self._possible(item.id, tenant)],
            cursor=f"{page + 1}.{found.page_size}" if more else None,
        )

    def _possible(self, agent_id: str, tenant: str) -> bool:
        """Whether an agent can have this id; of one that none can have, the log says so once."""
        if _is_id(agent_id):
            return True
        shown = ascii(agent_id[:MAX_SHOWN])
        if self._odd.get((tenant, shown)) is None:
            self._odd.put((tenant, shown), True)
            log.warning(
                "the backend lists %s, which can be no agent's id; it is left out",
                shown,
                extra={"tenant": tenant},
            )
        return False

    def tool(self, tool_id: str, *, tenant: str) -> Mapping[str, Any]:
        asked = Request(
            method="GET",
            route="/tools/resources/{id}",
            path=f"/tools/resources/{_checked(tool_id)}",
            tenant=tenant,
        )
        return mapping(str(asked), self._api.read(asked))

    def search(
        self,
        knowledge_id: str,
        query: str,
        *,
        tenant: str,
        user: str,
        groups: Collection[str],
        limit: int = 5,
    ) -> Sequence[Snippet]:
        if not 0 < len(knowledge_id) <= MAX_KNOWLEDGE_ID or knowledge_id in (".", ".."):
            raise NotThere("POST /knowledge-bases/{id}/search: no such id")
        asked = Request(
            method="POST",
            route="/knowledge-bases/{id}/search",
            path=f"/knowledge-bases/{quote(knowledge_id, safe='')}/search",
            tenant=tenant,
            body={
                "query": query,
                "n_results": limit,
                "user_id": user,
                "groups": sorted(groups),
            },
        )
        found = shaped(str(asked), FoundListing, self._api.read(asked))
        return [Snippet(**item.model_dump()) for item in found.items[:limit]]

    # -- calls ------------------------------------------------------------------------------

    def begin_call(self, record: CallRecord, *, key: str) -> str:
        asked = Request(
            method="POST",
            route="/history",
            path="/history",
            tenant=record.tenant,
            key=key,
            body={
                "id": record.id,
                "user_id": record.user,
                "assistant_id": record.agent,
                "conversation_id": record.conversation,
                "source": record.source,
                "status": "connected",
                "started_at": iso_time(record.started_at),
            },
        )
        try:
            data = self._api.write(asked)
        except NotThere as fault:
            # There is nothing in this request that could be missing.
            raise Refused(str(fault)) from None
        return shaped(str(asked), Call, data).id

    def add_transcript(self, segment: TranscriptSegment, *, key: str) -> None:
        asked = Request(
            method="POST",
            route="/history/{id}/transcripts",
            path=f"/history/{quote(segment.call, safe='')}/transcripts",
            tenant=segment.tenant,
            key=key,
            body={
                "turn_index": segment.index,
                "user_id": segment.user,
                "speaker": segment.speaker,
                "content": segment.content,
                "start_ms": segment.start_ms,
                "end_ms": segment.end_ms,
                "duration_ms": segment.end_ms - segment.start_ms,
                "message_id": segment.message_id,
                "turn_id": segment.turn_id,
                "stopped": segment.stopped,
            },
        )
        self._api.write(asked)

    def escalate(self, escalation: Escalation, *, key: str) -> None:
        asked = Request(
            method="POST",
            route="/history/{id}/escalations",
            path=f"/history/{quote(escalation.call, safe='')}/escalations",
            tenant=escalation.tenant,
            key=key,
            body={
                "user_id": escalation.user,
                "reason": escalation.reason,
                "turn_id": escalation.turn_id,
                "message_id": escalation.message_id,
                "escalated_at": iso_time(escalation.at),
            },
        )
        self._api.write(asked)

    def finalize_call(self, end: Finalized, *, key: str) -> None:
        asked = Request(
            method="PUT",
            route="/history/{id}",
            path=f"/history/{quote(end.call, safe='')}",
            tenant=end.tenant,
            key=key,
            body={
                "status": end.status,
                "duration_seconds": end.duration_seconds,
                "ended_at": iso_time(end.ended_at),
                "missing": end.missing,
            },
        )
        self._api.write(asked)


def _digest(values: Mapping[str, Any]) -> str:
    """Only this tells versions apart: a number that nobody counted up does no harm."""
    text = json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _is_id(text: str) -> bool:
    try:
        checked_id(text)
    except ValueError:
        return False
    return True


def _checked(text: str) -> str:
    if not _is_id(text):
        raise NotThere("it can be no id, so nobody was asked")
    return text


def _position(cursor: str) -> tuple[int, int]:
    page, _, size = cursor.partition(".")
    return int(page), int(size)
