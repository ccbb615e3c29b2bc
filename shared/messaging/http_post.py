"""HttpPost on urllib3: connects to the address that the guard checked, follows no redirect."""

import http.client
import io
import socket
import time
from collections.abc import Mapping
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from shared.messaging.addresses import AddressGuard, Target
from shared.messaging.http import HttpFailed

MAX_ANSWER = 64 * 1024


class GuardedHttpPost:
    """Posts to URLs that users set."""

    def __init__(self, guard: AddressGuard) -> None:
        self._guard = guard

    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, timeout: float) -> int:
        target = self._guard.check(url)
        limit = urllib3.Timeout(total=timeout)
        sent = {**headers, "Host": _authority(target)}
        try:
            with _pool(target, limit) as pool:
                response = pool.urlopen(
                    "POST",
                    target.path,
                    body=body,
                    headers=sent,
                    retries=False,
                    redirect=False,
                    preload_content=False,
                )
                # Only the status counts, but an answer that breaks off may never have been meant.
                left = MAX_ANSWER
                while left and (part := response.read(left, decode_content=False)):
                    left -= len(part)
                response.close()
        except (urllib3.exceptions.HTTPError, OSError) as fault:
            raise HttpFailed(type(fault).__name__) from fault
        return response.status


class _Bounded(io.RawIOBase):
    """What a socket reads, until its time-out is over, counted from now. By itself a time-out
    bounds each read, and an answer that drips would hold its reader for ever."""

    def __init__(self, connection: socket.socket, raw: io.RawIOBase) -> None:
        self._connection = connection
        self._raw = raw
        self._deadline = time.monotonic() + (connection.gettimeout() or 0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer takes too long")
        self._connection.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Bounded(sock, self.fp.detach()))


class _PlainConnection(HTTPConnection):
    response_class = _Answer


class _TlsConnection(HTTPSConnection):
    response_class = _Answer


def _pool(target: Target, timeout: urllib3.Timeout) -> urllib3.HTTPConnectionPool:
    pool: urllib3.HTTPConnectionPool
    if target.scheme == "http":
        pool = urllib3.HTTPConnectionPool(target.address, target.port, timeout=timeout)
        pool.ConnectionCls = _PlainConnection
        return pool
    pool = urllib3.HTTPSConnectionPool(
        target.address,
        target.port,
        timeout=timeout,
        server_hostname=target.host,
        assert_hostname=target.host,
    )
    pool.ConnectionCls = _TlsConnection
    return pool


def _authority(target: Target) -> str:
    host = f"[{target.host}]" if ":" in target.host else target.host
    usual = 443 if target.scheme == "https" else 80
    return host if target.port == usual else f"{host}:{target.port}"
