"""Where the server is, and how to get in: with a ticket if there is a token and an HTTP API to get
one from, with the token itself if there is no such API."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Self
from urllib.parse import SplitResult, quote, urlsplit

from websockets.exceptions import InvalidHandshake, InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect

from shared.cli.api import (
    LOOPBACK,
    NO_CREDENTIAL,
    NOT_ACCEPTED,
    REFUSED,
    check_encrypted,
    nobody,
    send,
    split_api,
    split_url,
)
from shared.cli.chat.faults import ChatFault, Unreachable
from shared.cli.chat.tokens import Tokens

LOCAL_PATH = "/ws"
"""The path of `parley dev`, whose HTTP API is on the same port."""

CLOSING = 1.0
"""Seconds that saying goodbye may take."""

_TICKET_BYTES = 16 * 1024

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
        place = split_url(url, {"ws", "wss"}, "--url must be like ws://127.0.0.1:8787/ws.")
        tokens = Tokens.of(token, token_command)
        if tokens is None:
            return cls(url=url, api="")
        places = [place]
        api = _same_port(place) if api is None else api
        if api is not None:
            places.append(split_api(api))
        elif not tokens.may_be_signed:
            raise ChatFault("Say with --api where the HTTP API is: the token is used there.")
        check_encrypted(*places)
        return cls(url=url, api=(api or "").rstrip("/"), tokens=tokens)

    @property
    def http(self) -> str:
        """The base of the HTTP API as far as it is known; "" if it is not."""
        return self.api or _same_port(urlsplit(self.url)) or ""

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
        where = f"{self.api}/tickets"
        try:
            reply = send("POST", where, token, seconds, body={}, max_bytes=_TICKET_BYTES)
        except OSError as fault:
            raise self._nobody(self.api) from fault
        if reply.status in REFUSED:
            raise Unreachable(NOT_ACCEPTED, lasting=True)
        match reply.json() if reply.status == 201 else None:
            case {"ticket": str(ticket)}:
                return ticket
        raise Unreachable(f"{where} gave no ticket (HTTP {reply.status}).")

    def _denied(self, status: int) -> Unreachable:
        if status in REFUSED and self.tokens is None:
            said = NO_CREDENTIAL
        elif status in REFUSED:
            said = "The server does not let this token in."
        else:
            return Unreachable(f"{self.url} refused the connection (HTTP {status}).")
        return Unreachable(said, lasting=True)

    def _nobody(self, where: str) -> Unreachable:
        local = urlsplit(self.url).hostname in LOOPBACK
        return nobody(where, local=local, option="--url")


def _same_port(place: SplitResult) -> str | None:
    """The HTTP API beside the WebSocket of `parley dev`; None beside any other."""
    if place.path != LOCAL_PATH:
        return None
    return f"{'https' if place.scheme == 'wss' else 'http'}://{place.netloc}"
