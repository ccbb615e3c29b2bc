"""Requests to a backend: one deadline, bounded answers, no redirects."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import urllib3
from pydantic import SecretStr
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_random_exponential

from shared.backends.control_plane import Malformed, Unavailable
from shared.backends.http_answers import data_of
from shared.backends.http_connections import cause, deadline, pool
from shared.clock import Clock
from shared.errors import ConfigurationError
from shared.models.failures import seconds_to_wait

BASE = "/api/v1"
MAX_ANSWER = 256 * 1024
"""Bytes."""

MAX_RETRY_AFTER = 3600.0
ATTEMPTS = 3
MAX_PAUSE = 0.5
"""Seconds between two attempts."""

_PRINTABLE = "".join(map(chr, range(0x21, 0x7F))).replace("%", "")
_READ = 65_536


@dataclass(frozen=True, kw_only=True)
class Request:
    """`route` names it in faults, `path` is what is asked for."""

    method: str
    route: str
    path: str
    tenant: str
    body: Mapping[str, Any] | None = None
    key: str | None = None
    max_bytes: int = MAX_ANSWER

    def __str__(self) -> str:
        return f"{self.method} {self.route}"


class BackendApi:
    """The API of the backend at `url`; connections to it are kept. For several threads.

    `timeout` (seconds) bounds a request as a whole, and all attempts of one together.
    """

    def __init__(self, url: str, clock: Clock, *, token: SecretStr | None, timeout: float) -> None:
        parts = urlsplit(url)
        self._base = parts.path.rstrip("/").removesuffix(BASE) + BASE
        self._clock = clock
        self._timeout = timeout
        self._headers = {"Accept": "application/json", "User-Agent": "parley"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {_sendable(token)}"
        host = (parts.hostname or "").encode("idna").decode("ascii")
        self._pool = pool(parts.scheme, host, parts.port)

    def close(self) -> None:
        """Close the connections that are kept."""
        self._pool.close()

    def read(self, asked: Request) -> Any:
        """The `data` of the answer; asked for again, if there was none that counts, as long as
        there is time. Who is asked to wait for longer than a moment is told so instead.

        Raises:
            NotThere, Unavailable, Refused, Malformed.
        """
        ends = self._clock.monotonic() + self._timeout

        def over(state: RetryCallState) -> bool:
            return (
                state.attempt_number >= ATTEMPTS
                or state.upcoming_sleep > MAX_PAUSE
                or self._clock.monotonic() + state.upcoming_sleep >= ends
            )

        attempts = Retrying(
            retry=retry_if_exception_type(Unavailable),
            stop=over,
            wait=_pause,
            sleep=self._clock.sleep,
            reraise=True,
        )
        return attempts(lambda: self._once(asked, ends - self._clock.monotonic()))

    def write(self, asked: Request) -> Any:
        """The same, asked for once."""
        return self._once(asked, self._timeout)

    def _once(self, asked: Request, seconds: float) -> Any:
        if seconds <= 0:
            # The pause before it took longer than it was to.
            raise Unavailable(f"{asked}: no time was left")
        try:
            with deadline(seconds):
                status, retry_after, body = self._exchange(asked, seconds)
        except (urllib3.exceptions.HTTPError, OSError) as fault:
            raise Unavailable(f"{asked}: {cause(fault, self._timeout)}") from fault
        wait = seconds_to_wait(retry_after, self._clock.now())
        pause = None if wait is None else min(float(wait), MAX_RETRY_AFTER)
        return data_of(str(asked), status, body, retry_after=pause)

    def _exchange(self, asked: Request, seconds: float) -> tuple[int, str | None, bytes]:
        body, headers = None, {**self._headers, "X-Parley-Tenant": quote(asked.tenant, safe="")}
        if asked.body is not None:
            body = json.dumps(asked.body, ensure_ascii=False).encode()
            headers["Content-Type"] = "application/json"
        if asked.key is not None:
            headers["Idempotency-Key"] = quote(asked.key, safe=_PRINTABLE)
        answer = self._pool.urlopen(
            asked.method,
            self._base + asked.path,
            body=body,
            headers=headers,
            retries=False,
            redirect=False,
            timeout=seconds,
            preload_content=False,
            decode_content=False,
        )
        complete = False
        try:
            parts: list[bytes] = []
            left = asked.max_bytes + 1
            while left and (part := answer.read(min(left, _READ))):
                parts.append(part)
                left -= len(part)
            complete = left > 0
        finally:
            # A connection with something left in it is not used again.
            (answer.release_conn if complete else answer.close)()
        if not complete:
            raise Malformed(f"{asked}: an answer of more than {asked.max_bytes} bytes")
        return answer.status, answer.headers.get("Retry-After"), b"".join(parts)


_SHORT = wait_random_exponential(multiplier=0.1, max=MAX_PAUSE)


def _pause(state: RetryCallState) -> float:
    """Seconds before the next attempt: a few tenths, or as long as the other side asks for."""
    fault = state.outcome.exception() if state.outcome else None
    asked = fault.retry_after if isinstance(fault, Unavailable) else None
    return max(_SHORT(state), asked or 0.0)


def _sendable(token: SecretStr) -> str:
    text = token.get_secret_value()
    if not text.isascii() or not text.isprintable():
        # The library would quote it in its complaint.
        raise ConfigurationError("BACKEND_TOKEN must be printable ASCII. Set it to one line.")
    return text
