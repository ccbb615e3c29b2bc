"""Where the server is, and how to get in: with a ticket if there is a token and an HTTP API to get
one from, with the token itself if there is no such API."""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Self
from urllib.parse import SplitResult, quote, urlsplit

import urllib3
from websockets.exceptions import InvalidHandshake, InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect

from shared.cli.chat.faults import ChatFault, Unreachable
from shared.cli.chat.tokens import Tokens

LOCAL_PATH = "/ws"
"""The path of `parley dev`, whose HTTP API is on the same port."""

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
CLOSING = 1.0
"""Seconds that saying goodbye may take."""

_TICKET_BYTES = 16 * 1024
_REFUSED = frozenset({401, 403})

# What the library would log as a warning, the person at the terminal reads as a sentence.
_SILENT = logging.getLogger("parley.chat")
_SILENT.propagate = False
_SILENT.addHandler(logging.NullHandler())


@dataclass(frozen=True, kw_only=True)
class Address:
    """A server. `api` is the base of its HTTP API, where tickets come from; "" for none."""

    url: str
    api: str
    tokens: Tokens | None = None

    @classmethod
    def of(
        cls, url: str, api: str | None, token: str | None, token_command: str | None = None
    ) -> Self:
        """The address that the options mean.

        Raises:
            ChatFault: an option is no such URL, or the token would travel unencrypted.
        """
        place = _split(url, {"ws", "wss"}, "--url must be like ws://127.0.0.1:8787/ws.")
        tokens = Tokens.of(token, token_command)
        if tokens is None:
            return cls(url=url, api="")
        places = [place]
        if api is None and place.path == LOCAL_PATH:
            api = f"{'https' if place.scheme == 'wss' else 'http'}://{place.netloc}"
        if api is not None:
            places.append(
                _split(api, {"http", "https"}, "--api must be like https://api.example.com.")
            )
        elif not tokens.may_be_signed:
            raise ChatFault("Say with --api where the HTTP API is: the token is used there.")
        for each in places:
            if each.scheme in {"ws", "http"} and each.hostname not in LOOPBACK:
                raise ChatFault("A token needs wss:// and https://: it would travel unencrypted.")
        return cls(url=url, api=(api or "").rstrip("/"), tokens=tokens)

    @property
    def renews(self) -> bool:
        """Whether there is a fresh token whenever one is asked for."""
        return self.tokens is not None and bool(self.tokens.command)

    def credential(self, seconds: float) -> Mapping[str, str]:
        """What lets in one connection, or renews it: a `ticket` or a `token`; nothing without a
        token.

        Raises:
            Unreachable: none is to be had.
        """
        if self.tokens is None:
            return {}
        token = self.tokens.get()
        return {"ticket": self._ticket(token, seconds)} if self.api else {"token": token}

    @contextmanager
    def connected(self, seconds: float) -> Iterator[ClientConnection]:
        """An open WebSocket, for the length of the block; each step may take `seconds`.

        Raises:
            Unreachable: nobody there, or not let in.
        """
        url = self.url
        for name, value in self.credential(seconds).items():
            url += f"{'&' if '?' in url else '?'}{name}={quote(value, safe='')}"
        with ExitStack() as cleanup:
            try:
                opening = connect(
                    url,
                    open_timeout=seconds,
                    close_timeout=CLOSING,
                    proxy=None if urlsplit(url).hostname in LOOPBACK else True,
                    logger=_SILENT,
                )
                socket = cleanup.enter_context(opening)
            except InvalidStatus as fault:
                raise self._denied(fault.response.status_code) from fault
            except InvalidHandshake as fault:
                raise Unreachable(f"What answers at {self.url} is no WebSocket API.") from fault
            except (OSError, WebSocketException, EOFError) as fault:
                raise self._nobody(self.url) from fault
            yield socket

    def _ticket(self, token: str, seconds: float) -> str:
        try:
            answer = urllib3.request(
                "POST",
                f"{self.api}/tickets",
                headers={"Authorization": f"Bearer {token}"},
                json={},
                timeout=seconds,
                retries=False,
                redirect=False,
                preload_content=False,
            )
            body = answer.read(_TICKET_BYTES)
            answer.release_conn()
        except (urllib3.exceptions.HTTPError, OSError) as fault:
            raise self._nobody(self.api) from fault
        if answer.status in _REFUSED:
            raise Unreachable(
                "The server does not accept this token; it may have expired.", lasting=True
            )
        try:
            ticket = json.loads(body)["ticket"] if answer.status == 201 else None
        except (ValueError, KeyError, TypeError):
            ticket = None
        if not isinstance(ticket, str):
            raise Unreachable(f"{self.api}/tickets gave no ticket (HTTP {answer.status}).")
        return ticket

    def _denied(self, status: int) -> Unreachable:
        if status in _REFUSED and self.tokens is None:
            said = "The server asks for a credential: give --token, or set PARLEY_TOKEN."
        elif status in _REFUSED:
            said = "The server does not let this token in."
        else:
            return Unreachable(f"{self.url} refused the connection (HTTP {status}).")
        return Unreachable(said, lasting=True)

    def _nobody(self, where: str) -> Unreachable:
        local = urlsplit(self.url).hostname in LOOPBACK
        what = (
            "Start the server with `make dev`, or give another --url."
            if local
            else ("Check the address and your network.")
        )
        return Unreachable(f"Nothing answers at {where}. {what}")


def _split(url: str, schemes: set[str], otherwise: str) -> SplitResult:
    """The parts of a URL of one of these schemes, with a host and no credentials."""
    try:
        parts = urlsplit(url)
        fits = parts.scheme in schemes and parts.hostname and parts.port != 0
    except ValueError:
        fits = None
    if not fits or parts.username or parts.fragment or not url.isprintable() or " " in url:
        raise ChatFault(otherwise)
    return parts
