"""HTTP tools: a request that an agent's configuration describes and the arguments fill."""

import hashlib
import json
import logging
import re
from collections.abc import Mapping
from typing import Any

from shared.clock import Clock
from shared.errors import ConfigurationError
from shared.messaging.http import AddressRefused, HttpAnswer, HttpClient, HttpFailed
from shared.tools.arguments import Check
from shared.tools.described import Described
from shared.tools.http_answer import answered
from shared.tools.http_headers import Headers
from shared.tools.port import InvalidArguments, ToolContext, ToolFault
from shared.tools.secrets import ToolSecrets
from shared.tools.specs import ToolSpec
from shared.tools.url_template import UrlTemplate

MAX_ANSWER = 1_000_000
"""Bytes; what is beyond is cut."""

MAX_BODY = 1_000_000

_BODILESS = frozenset({"GET", "DELETE"})
_KEY = re.compile(r"[!-~]{1,255}", re.ASCII)
VERIFIED_EMAIL = "X-Parley-Verified-Email"
"""The address that the user has shown to be theirs, for tools that are `verified`."""

_OUR_HEADERS = {"User-Agent": "Parley", "Accept": "application/json, text/*;q=0.9, */*;q=0.5"}

_log = logging.getLogger("parley")


class HttpTool(Described):
    """A `Tool` that makes one request a call. It is not repeated, no redirect is followed.

    Raises:
        ValueError: the description contradicts itself, or names an address that may not be
            called; a sentence that goes on where `http` ends.
    """

    def __init__(
        self,
        spec: ToolSpec,
        check: Check,
        *,
        http: HttpClient,
        secrets: ToolSecrets,
        clock: Clock,
    ) -> None:
        if spec.http is None:
            raise TypeError("the entry describes no HTTP tool")
        super().__init__(spec, check, spec.http.timeout_sec)
        self._method = spec.http.method
        self._url = UrlTemplate(spec.http.url, self.parameters)
        self._headers = Headers(spec.http.headers)
        self._http = http
        self._secrets = secrets
        self._clock = clock
        try:
            http.check(self._url.sample)
        except AddressRefused as refused:
            raise ValueError(f"must have a url that can be called: {refused}") from refused

    def run(self, arguments: Mapping[str, Any], context: ToolContext) -> str:
        self.check(arguments)
        rest = {key: each for key, each in arguments.items() if key not in self._url.names}
        bodiless = self._method in _BODILESS
        url = self._url.filled(arguments, query=rest if bodiless else None)
        body = None if bodiless else _json(rest)
        headers, secrets = self._filled_headers(context)
        seconds = min(self.timeout, context.deadline - self._clock.monotonic())
        if seconds <= 0:
            raise ToolFault("No time was left for this call; nothing was sent.")
        answer = self._send(url, body, headers, seconds)
        if answer.status in (401, 403):
            self._report("the tool's server refuses it", f"status {answer.status}")
        return answered(answer, safe=self._method == "GET", secrets=secrets)

    def _filled_headers(self, context: ToolContext) -> tuple[dict[str, str], tuple[str, ...]]:
        try:
            own, secrets = self._headers.filled(self._secrets.get)
        except ConfigurationError as fault:
            self._report("the tool lacks a secret", fault.message)
            raise ToolFault(
                "This tool is not set up completely; nothing was sent. Only whoever operates it "
                "can change that."
            ) from fault
        ours = dict(_OUR_HEADERS)
        if self._method != "GET":
            ours["Idempotency-Key"] = _header_key(context.idempotency_key)
        if self._method not in _BODILESS:
            ours["Content-Type"] = "application/json"
        if context.verified_email is not None:
            ours[VERIFIED_EMAIL] = context.verified_email
        # What says who somebody is cannot be set by a configuration.
        fixed = {VERIFIED_EMAIL.lower()}
        unset = {
            name: value
            for name, value in ours.items()
            if name.lower() in fixed or name.lower() not in self._headers.names
        }
        kept = {name: value for name, value in own.items() if name.lower() not in fixed}
        return {**unset, **kept}, secrets

    def _send(
        self, url: str, body: bytes | None, headers: Mapping[str, str], seconds: float
    ) -> HttpAnswer:
        try:
            return self._http.request(
                self._method, url, body, headers, timeout=seconds, max_bytes=MAX_ANSWER
            )
        except AddressRefused as refused:
            self._report("the tool's address is refused", str(refused))
            raise ToolFault(
                "The address of this tool may not be called or is not known; nothing was sent."
            ) from refused
        except HttpFailed as failed:
            self._report("the tool's server gave no answer", str(failed))
            if not failed.sent:
                raise ToolFault(
                    "The tool's server could not be reached; nothing was sent."
                ) from failed
            raise ToolFault(
                "The tool's server gave no complete answer in time."
                + ("" if self._method == "GET" else _UNKNOWN)
            ) from failed

    def _report(self, what: str, reason: str) -> None:
        _log.warning(what, extra={"tool": self.name, "reason": reason})


_UNKNOWN = (
    " The outcome is unknown: the request may have taken effect. Find out before you try again."
)


def _json(arguments: Mapping[str, Any]) -> bytes:
    try:
        body = json.dumps(arguments, separators=(",", ":"), allow_nan=False).encode()
    except ValueError as fault:
        raise InvalidArguments("A number must be finite.") from fault
    if len(body) > MAX_BODY:
        raise InvalidArguments(f"The arguments have more than {MAX_BODY} bytes; shorten them.")
    return body


def _header_key(key: str) -> str:
    """The key, or a digest of it where a header could not hold it."""
    if _KEY.fullmatch(key):
        return key
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
