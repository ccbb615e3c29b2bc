"""The address guard: which URLs that a user can set this deployment may call.

Only http and https, no credentials in the URL, and only addresses of the public Internet: a
name is resolved here, every address it resolves to is checked, and the connection is made to one
of the checked addresses, so that a name that resolves differently the next time gains nothing.
`ALLOWED_HOSTS` narrows the hosts down, `ALLOW_PRIVATE_ADDRESSES` opens private ones.

An address is written as four decimal numbers, or in IPv6 between brackets. Whatever else a system
might read as one (`127.1`, `0x7f000001`, `2130706433`, `0177.0.0.1`) is refused: systems differ in
what they read.
"""

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from shared.messaging.http import AddressRefused
from shared.messaging.within import within

MAX_URL = 2048
LOOK_UP_SECONDS = 5.0
PRIVATE = "set ALLOW_PRIVATE_ADDRESSES=true or use a public one"

_DEFAULT_PORTS = {"http": 80, "https": 443}
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_ENDS_IN_IPV4 = (
    ipaddress.IPv6Network("::ffff:0:0/96"),  # mapped
    ipaddress.IPv6Network("::ffff:0:0:0/96"),  # translated
    ipaddress.IPv6Network("64:ff9b::/96"),  # NAT64
)
# Set aside for protocols, relays and documentation; what Python knows of it differs between
# versions.
_SET_ASIDE = (
    ipaddress.IPv4Network("192.0.0.0/24"),
    ipaddress.IPv4Network("192.88.99.0/24"),
    ipaddress.IPv6Network("2001::/23"),  # with Teredo
    ipaddress.IPv6Network("3fff::/20"),
)
_MAX_NAME = 253
_NAME = re.compile(r"(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?", re.ASCII)
# By its last label a system decides whether a host is a number.
_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\.?", re.ASCII)

Resolve = Callable[[str, int], Sequence[str]]


def resolve(host: str, port: int) -> Sequence[str]:
    """All addresses of a host.

    Raises:
        OSError: the name does not resolve.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


class LookUpTooSlow(AddressRefused):
    """The look-up of a name took longer than it may. Later it may work."""


@dataclass(frozen=True)
class Target:
    """A checked URL and the address to connect to."""

    scheme: str
    host: str
    port: int
    path: str
    address: str


class AddressGuard:
    """Checks URLs. An empty `allowed_hosts` allows every public host; `*.example.com` allows the
    names below a domain."""

    def __init__(
        self,
        *,
        allowed_hosts: Sequence[str] = (),
        allow_private: bool = False,
        resolver: Resolve = resolve,
    ) -> None:
        self._allowed = [host.lower() for host in allowed_hosts]
        self._allow_private = allow_private
        self._resolve = resolver

    def check(self, url: str, *, timeout: float = LOOK_UP_SECONDS) -> Target:
        """The target of a URL; what it resolves to has been checked. `timeout` (seconds) bounds
        the look-up of the name.

        Raises:
            AddressRefused: with a sentence for whoever set the URL. `LookUpTooSlow`: the look-up
                took longer.
        """
        target = self.parse(url)
        try:
            addresses = within(timeout, lambda: self._resolved(target), "look-up")
        except TimeoutError as fault:
            raise LookUpTooSlow("the look-up of the name takes too long") from fault
        for address in addresses:
            if not self._allow_private and not is_public(address):
                raise AddressRefused(f"the host {target.host!r} has a private address; {PRIVATE}")
        if not addresses:
            raise AddressRefused(f"the host {target.host!r} does not resolve")
        return Target(target.scheme, target.host, target.port, target.path, addresses[0])

    def _resolved(self, target: Target) -> Sequence[str]:
        try:
            return self._resolve(target.host, target.port)
        except (OSError, UnicodeError) as fault:
            raise AddressRefused(f"the host {target.host!r} does not resolve") from fault

    def parse(self, url: str) -> Target:
        """The form of a URL, without asking the network; literal addresses are checked.

        Raises:
            AddressRefused: as `check`.
        """
        if len(url) > MAX_URL or not url.isprintable() or " " in url or "\\" in url:
            raise AddressRefused("the URL is too long or has characters that a URL cannot have")
        try:
            parts = urlsplit(url)
            # Neither a header nor a TLS handshake can hold anything but ASCII.
            host = (parts.hostname or "").encode("idna").decode("ascii")
            port = _DEFAULT_PORTS.get(parts.scheme) if parts.port is None else parts.port
        except ValueError as fault:
            raise AddressRefused("the URL is malformed") from fault
        if parts.scheme not in _DEFAULT_PORTS or not host:
            raise AddressRefused("the URL must begin with http:// or https:// and name a host")
        if not port:
            raise AddressRefused("the URL is malformed")
        if parts.username is not None or parts.password is not None:
            raise AddressRefused("the URL must not carry credentials")
        self._check_host(host, bracketed="[" in parts.netloc)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return Target(parts.scheme, host, port, path, "")

    def _check_host(self, host: str, *, bracketed: bool) -> None:
        if self._allowed and not any(_matches(host, pattern) for pattern in self._allowed):
            raise AddressRefused(f"the host {host!r} is not among ALLOWED_HOSTS")
        version = _version(host)
        if version and not self._allow_private and not is_public(host):
            raise AddressRefused(f"the host {host!r} is a private address; {PRIVATE}")
        if bracketed:
            if version != 6 or "%" in host:
                raise AddressRefused("the URL must have an IPv6 address between its brackets")
        elif len(host) > _MAX_NAME or not _NAME.fullmatch(host):
            raise AddressRefused("the URL has a host that can be no name")
        elif not version and _NUMBER.fullmatch(host):
            raise AddressRefused(
                f"the host {host!r} is a number; write an address as 192.0.2.1 is written"
            )


def is_public(address: str) -> bool:
    """Whether an address is one of the public Internet; an IPv6 form of an IPv4 address counts
    as what it stands for."""
    parsed = ipaddress.ip_address(address.split("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = parsed.sixtofour
        if any(parsed in network for network in _ENDS_IN_IPV4):
            inner = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if parsed not in _GLOBAL_UNICAST:
            # What Python calls global beside it differs between versions.
            return False
    if any(parsed in network for network in _SET_ASIDE):
        return False
    return parsed.is_global and not parsed.is_multicast


def _version(host: str) -> int | None:
    """4 or 6 for an address, with a zone or without; None for everything else."""
    try:
        return ipaddress.ip_address(host.split("%")[0]).version
    except ValueError:
        return None


def _matches(host: str, pattern: str) -> bool:
    host = host.lower().rstrip(".")
    return host == pattern or (pattern.startswith("*.") and host.endswith(pattern[1:]))
