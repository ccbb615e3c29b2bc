"""HttpClient on http.client: connects to the address that the guard checked, and bounds all.

A connection serves one request. The environment's proxies are not asked: they would connect to
whatever they resolve the name to.
"""

import http.client
import io
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import closing
from typing import Any
from urllib.parse import quote

from shared.messaging.addresses import AddressGuard, LookUpTooSlow, Target
from shared.messaging.http import TOLD_HEADERS, HttpAnswer, HttpFailed

# What stays as it is in a path with its query (RFC 3986); an author's %XX too.
_TARGET = "/?:@!$&'()*+,;=%~"
_MAX_HEADER = 1024
# Bytes on the wire for each byte of the body that is read (chunks have heads), and beside it.
_FRAMING = 8
_HEAD = 1024 * 1024
_READ = 65_536


class GuardedHttpClient:
    """Requests to URLs that users set. It keeps no connections."""

    def __init__(self, guard: AddressGuard) -> None:
        self._guard = guard

    def check(self, url: str) -> None:
        self._guard.parse(url)

    def request(
        self,
        method: str,
        url: str,
        body: bytes | None,
        headers: Mapping[str, str],
        *,
        timeout: float,
        max_bytes: int,
    ) -> HttpAnswer:
        deadline = time.monotonic() + timeout
        try:
            target = self._guard.check(url, timeout=timeout)
        except LookUpTooSlow as fault:
            raise HttpFailed(str(fault), sent=False) from fault
        most = _FRAMING * max_bytes + _HEAD
        with closing(_Connection(target, deadline, most)) as connection:
            try:
                connection.connect()
            except OSError as fault:
                raise HttpFailed(type(fault).__name__, sent=False) from fault
            try:
                connection.request(
                    method,
                    quote(target.path, safe=_TARGET),
                    body,
                    {**headers, "Host": _authority(target)},
                )
                return _read(connection, max_bytes)
            except (OSError, http.client.HTTPException) as fault:
                raise HttpFailed(type(fault).__name__) from fault


def _read(connection: "_Connection", max_bytes: int) -> HttpAnswer:
    try:
        with connection.getresponse() as answer:
            parts: list[bytes] = []
            left = max_bytes + 1
            while left and (part := answer.read(min(left, _READ))):
                parts.append(part)
                left -= len(part)
            if left and answer.length:
                raise http.client.IncompleteRead(b"", answer.length)
    except ValueError as fault:
        # Sizes that are none.
        raise HttpFailed("the answer is malformed") from fault
    told = ((name, answer.getheader(name)) for name in TOLD_HEADERS)
    return HttpAnswer(
        status=answer.status,
        headers={name: value[:_MAX_HEADER] for name, value in told if value is not None},
        body=b"".join(parts)[:max_bytes],
        cut=not left,
    )


class _Connection(http.client.HTTPConnection):
    """To the checked address, until the deadline (`time.monotonic`), and for so many bytes of an
    answer. By itself a socket's time-out bounds each of its calls, not all of them."""

    def __init__(self, target: Target, deadline: float, most: int) -> None:
        super().__init__(target.address, target.port)
        self._target = target
        self._deadline = deadline
        self._most = most
        self.sock: socket.socket

    def left(self) -> float:
        """Seconds to the deadline.

        Raises:
            TimeoutError: there are none.
        """
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("no time is left")
        return left

    def connect(self) -> None:
        address = (self._target.address, self._target.port)
        plain = socket.create_connection(address, self.left())
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sock = plain if self._target.scheme == "http" else self._secured(plain)
        except BaseException:
            plain.close()
            raise

    def _secured(self, plain: socket.socket) -> socket.socket:
        plain.settimeout(self.left())
        name = self._target.host.rstrip(".")
        return ssl.create_default_context().wrap_socket(plain, server_hostname=name)

    def send(self, data: Any) -> None:
        self.sock.settimeout(self.left())
        super().send(data)

    # A class in the standard library, where it is only ever called.
    def response_class(self, sock: socket.socket, **rest: Any) -> http.client.HTTPResponse:  # type: ignore[override]
        answer = http.client.HTTPResponse(sock, **rest)
        answer.fp = io.BufferedReader(_Bounded(self, sock, answer.fp.detach(), self._most))
        return answer


class _Bounded(io.RawIOBase):
    """What a socket reads: until the deadline, and no more than `most` bytes."""

    def __init__(
        self, connection: _Connection, sock: socket.socket, raw: io.RawIOBase, most: int
    ) -> None:
        self._connection = connection
        self._sock = sock
        self._raw = raw
        self._most = most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._connection.left())
        count = self._raw.readinto(buffer)
        self._most -= count or 0
        if self._most < 0:
            raise HttpFailed("the answer is too large")
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


def _authority(target: Target) -> str:
    host = f"[{target.host}]" if ":" in target.host else target.host
    usual = 443 if target.scheme == "https" else 80
    return host if target.port == usual else f"{host}:{target.port}"
