"""Amazon Bedrock Knowledge Bases: its search, with what each document's metadata says about who
may read it.

A document needs at least one of the attributes `acl_public` (true), `acl_users` and `acl_groups`
(lists of names). One without them is never given: nobody has said who may read it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from shared.knowledge.access import Acl
from shared.knowledge.port import (
    MAX_PASSAGES,
    KnowledgeUnavailable,
    Passage,
    Reader,
    asked,
)

PUBLIC: Final = "acl_public"
USERS: Final = "acl_users"
GROUPS: Final = "acl_groups"

MAX_GROUPS: Final = 50
"""Groups of a reader that are asked for, the first in their order: a filter has its limits."""

MAX_TITLE: Final = 256


def client_config() -> Config:
    """How the client given to `BedrockKnowledge` is to be made. Somebody waits for the answer."""
    return Config(
        retries={"total_max_attempts": 2, "mode": "standard"}, connect_timeout=2, read_timeout=8
    )


class BedrockKnowledge:
    """See `Knowledge`; through a boto3 `bedrock-agent-runtime` client (see `client_config`), which
    is made at the first search.

    What may be read is said to Bedrock before it searches, and looked at again in what comes back.
    """

    def __init__(self, client: Callable[[], Any], knowledge_base: str) -> None:
        self._client = client
        self._id = knowledge_base

    def search(self, query: str, *, reader: Reader, limit: int) -> Sequence[Passage]:
        query, limit = asked(query), min(limit, MAX_PASSAGES)
        if not query.strip() or limit < 1:
            return []
        try:
            answer = self._client().retrieve(
                knowledgeBaseId=self._id,
                retrievalQuery={"text": query},
                retrievalConfiguration={
                    "vectorSearchConfiguration": {
                        "numberOfResults": limit,
                        "filter": _readable_by(reader),
                    }
                },
            )
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            raise KnowledgeUnavailable(f"Knowledge base {self._id}: {_reason(code)}.") from error
        except (BotoCoreError, ResponseParserError) as error:
            raise KnowledgeUnavailable(f"Knowledge base {self._id} does not answer.") from error
        results = answer.get("retrievalResults", ())
        return [_passage(each) for each in results if _admits(each, reader)][:limit]


def _readable_by(reader: Reader) -> Mapping[str, Any]:
    groups = sorted(reader.groups)[:MAX_GROUPS]
    return {
        "orAll": [
            {"equals": {"key": PUBLIC, "value": True}},
            {"listContains": {"key": USERS, "value": reader.user}},
            *({"listContains": {"key": GROUPS, "value": group}} for group in groups),
        ]
    }


def _admits(result: Mapping[str, Any], reader: Reader) -> bool:
    metadata = result.get("metadata") or {}
    acl = Acl(
        public=metadata.get(PUBLIC) is True,
        users=_names(metadata.get(USERS)),
        groups=_names(metadata.get(GROUPS)),
    )
    return acl.admits(reader)


def _names(value: Any) -> frozenset[str]:
    """The names in a list; of anything else none."""
    return frozenset(map(str, value)) if isinstance(value, list | tuple) else frozenset()


def _passage(result: Mapping[str, Any]) -> Passage:
    metadata = result.get("metadata") or {}
    uri = _uri(result.get("location") or {})
    title = metadata.get("title")
    url = metadata.get("url") or uri
    named = uri or str(metadata.get("x-amz-bedrock-kb-source-uri") or "document")
    return Passage(
        id=named,
        title=title[:MAX_TITLE] if isinstance(title, str) and title.strip() else _last(named),
        text=str((result.get("content") or {}).get("text") or ""),
        url=url if isinstance(url, str) and url.startswith(("https://", "http://")) else None,
        score=float(result.get("score") or 0.0),
    )


def _uri(location: Mapping[str, Any]) -> str:
    """Where the document is, by whichever kind of place it has."""
    for place in location.values():
        if isinstance(place, Mapping):
            for name in ("uri", "url", "id"):
                if isinstance(place.get(name), str):
                    return str(place[name])
    return ""


def _last(uri: str) -> str:
    return uri.rstrip("/").rpartition("/")[2] or uri


def _reason(code: str) -> str:
    match code:
        case "AccessDeniedException":
            return "access is denied; name it in KnowledgeBaseArns"
        case "ResourceNotFoundException":
            return "there is no such knowledge base in this region"
        case "ThrottlingException" | "ServiceQuotaExceededException":
            return "it is asked too often"
        case "ValidationException":
            return "it does not take the request; see what docs/knowledge.md says about metadata"
    return "it refuses"
