"""The HTTP API for commands: requests with a token, and what is said when there is no answer."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self
from urllib.parse import SplitResult, urlsplit

import urllib3

from shared.cli.chat.clean import one_line, shortened
from shared.cli.chat.faults import ChatFault, Refused, Unreachable
from shared.cli.chat.tokens import Tokens
from shared.clock import Clock, SystemClock

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
SECONDS = 30.0
"""How long one request may take: a cold function of a deployed stack is slow."""

MAX_BYTES = 8 * 1024 * 1024
"""Bytes of an answer; more is none of ours."""

MAX_MESSAGE = 500
PATIENCE = 5
"""How often one thing is asked for, of a server that says each time to come back later."""

LONGEST = 60
REFUSED = frozenset({401, 403})
API_FORM = "--api must be like https://api.example.com."
NOT_ACCEPTED = "The server does not accept this token; it may have expired."
NO_CREDENTIAL = "The server asks for a credential: give --token, or set PARLEY_TOKEN."


@dataclass(frozen=True)
class Reply:
    """What the server answered. `headers` by their names in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body; None if it is no JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def retry_after(self) -> float:
        """For how many seconds the server asks to wait; a minute at most."""
        given = self.headers.get("retry-after", "")
        return float(min(int(given), LONGEST)) if re.fullmatch("[0-9]{1,9}", given) else 1.0


def split_url(url: str, schemes: set[str], otherwise: str) -> SplitResult:
    """The parts of a URL of one of these schemes, with a host and no credentials.

    Raises:
        ChatFault: it is none; with this sentence.
    """
    try:
        parts = urlsplit(url)
        fits = parts.scheme in schemes and parts.hostname and parts.port != 0
    except ValueError:
        fits = None
    if not fits or parts.username or parts.fragment or not url.isprintable() or " " in url:
        raise ChatFault(otherwise)
    return parts


def split_api(url: str) -> SplitResult:
    """The parts of the base of an HTTP API. Raises ChatFault."""
    return split_url(url, {"http", "https"}, API_FORM)


def check_encrypted(*places: SplitResult) -> None:
    """Whether a token may go there: to this machine, or encrypted.

    Raises:
        ChatFault: it may not.
    """
    for place in places:
        if place.scheme in {"ws", "http"} and place.hostname not in LOOPBACK:
            raise ChatFault("A token needs wss:// and https://: it would travel unencrypted.")


def send(
    method: str,
    url: str,
    token: str,
    seconds: float,
    *,
    body: Any = None,
    max_bytes: int = MAX_BYTES,
    behalf: str = "",
) -> Reply:
    """One request, over a connection of its own: a server may close one that rests just when the
    next request is on its way. Redirects are not followed, as the token is for nobody else.

    Raises:
        OSError: no answer.
    """
    try:
        with urllib3.PoolManager(num_pools=1) as connections:
            answer = connections.request(
                method,
                url,
                headers=_credentials(token, behalf),
                timeout=seconds,
                retries=False,
                redirect=False,
                preload_content=False,
                **({} if body is None else {"json": body}),
            )
            read = answer.read(max_bytes)
            answer.close()
    except urllib3.exceptions.HTTPError as fault:
        raise OSError("no answer") from fault
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Reply(answer.status, headers, read)


def _credentials(token: str, behalf: str) -> dict[str, str]:
    """Who asks, and for whom."""
    bearer = {"Authorization": f"Bearer {token}"} if token else {}
    # http.client writes each character as one byte; the header is UTF-8.
    name = behalf.encode("utf-8", "replace").decode("latin-1")
    return {**bearer, "X-On-Behalf-Of": name} if behalf else bearer


def nobody(where: str, *, local: bool, option: str) -> Unreachable:
    """What is said when nothing answers there."""
    what = "Check the address and your network."
    if local:
        what = f"Start the server with `make dev`, or give another {option}."
    return Unreachable(f"Nothing answers at {where}. {what}")


@dataclass(frozen=True, kw_only=True)
class Api:
    """A server's HTTP API at `base`, asked with a token if there is one, for the user `behalf` if
    that is given."""

    base: str
    tokens: Tokens | None = None
    behalf: str = ""
    clock: Clock = field(default_factory=SystemClock)

    @classmethod
    def of(cls, api: str, token: str | None, token_command: str | None = None) -> Self:
        """What the options mean.

        Raises:
            ChatFault: an option has no meaning, or the token would travel unencrypted.
        """
        place = split_api(api)
        if place.query:
            raise ChatFault(API_FORM)
        tokens = Tokens.of(token, token_command)
        if tokens is not None:
            check_encrypted(place)
        return cls(base=api.rstrip("/"), tokens=tokens)

    def acting_for(self, user: str) -> Self:
        """The same, asked for this user.

        Raises:
            ChatFault: it is no name.
        """
        name = user.strip(" \t")
        if not name or not name.isprintable():
            raise ChatFault("--user must be a name, without control characters.")
        return replace(self, behalf=name)

    def ask(self, method: str, path: str, body: Any = None) -> Reply:
        """The answer, with a status below 300. Whoever is told to come back later does so, some
        times.

        Raises:
            Unreachable: nobody there, or not let in.
            Refused: the server said no, with its code and message.
        """
        for _ in range(PATIENCE):
            reply = self._asked(method, path, body)
            if reply.status != 429:
                break
            self.clock.sleep(reply.retry_after)
        if reply.status == 401:
            raise Unreachable(NOT_ACCEPTED if self.tokens else NO_CREDENTIAL, lasting=True)
        if reply.status >= 300:
            raise self._refused(reply)
        return reply

    def stranger(self, status: int) -> Unreachable:
        """What is said of an answer that is none of ours."""
        return Unreachable(f"What answers at {self.base} is no HTTP API of Parley (HTTP {status}).")

    def _asked(self, method: str, path: str, body: Any) -> Reply:
        token = self.tokens.get() if self.tokens else ""
        try:
            url = self.base + path
            return send(method, url, token, SECONDS, body=body, behalf=self.behalf)
        except OSError as fault:
            local = urlsplit(self.base).hostname in LOOPBACK
            raise nobody(self.base, local=local, option="--api") from fault

    def _refused(self, reply: Reply) -> ChatFault:
        match reply.json():
            case {"error": {"code": str(code), "message": str(message)}}:
                return Refused(one_line(code), shortened(one_line(message), MAX_MESSAGE))
        return self.stranger(reply.status)
