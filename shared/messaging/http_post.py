"""HttpPost on the guarded client: only the status of the answer counts."""

from collections.abc import Mapping

from shared.messaging.addresses import AddressGuard
from shared.messaging.http_client import GuardedHttpClient

MAX_ANSWER = 64 * 1024


class GuardedHttpPost:
    """Posts to URLs that users set."""

    def __init__(self, guard: AddressGuard) -> None:
        self._http = GuardedHttpClient(guard)

    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, timeout: float) -> int:
        # It is read all the same: an answer that breaks off may never have been meant.
        answer = self._http.request(
            "POST", url, body, headers, timeout=timeout, max_bytes=MAX_ANSWER
        )
        return answer.status
