"""HttpPost on urllib3: connects to the address that the guard checked, follows no redirect."""

from collections.abc import Mapping

import urllib3

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
                response.read(MAX_ANSWER)
                response.close()
        except (urllib3.exceptions.HTTPError, OSError) as fault:
            raise HttpFailed(type(fault).__name__) from fault
        return response.status


def _pool(target: Target, timeout: urllib3.Timeout) -> urllib3.HTTPConnectionPool:
    if target.scheme == "http":
        return urllib3.HTTPConnectionPool(target.address, target.port, timeout=timeout)
    return urllib3.HTTPSConnectionPool(
        target.address,
        target.port,
        timeout=timeout,
        server_hostname=target.host,
        assert_hostname=target.host,
    )


def _authority(target: Target) -> str:
    host = f"[{target.host}]" if ":" in target.host else target.host
    usual = 443 if target.scheme == "https" else 80
    return host if target.port == usual else f"{host}:{target.port}"
