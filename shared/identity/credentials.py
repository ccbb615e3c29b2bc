"""The credentials of HTTP requests and of WebSocket URLs.

    AUTH_MODE   credential                            principal
    none        (nothing)                             LOCAL
    token       Authorization: Bearer SERVICE_TOKEN   SERVICE_TENANT's service, or whom it names
    jwt         Bearer or ?token= and a signed token  whom the token names
                on SERVICE_PATHS the SERVICE_TOKEN    as above

A WebSocket also takes a ticket (`tickets.py`), which stands for whoever asked for it.

A backend that bears the service token names the person for whom it asks in `X-On-Behalf-Of`.
The principal is then that person, with the role `user` and no other: the backend relies on us
to keep its users apart, so a request for one of them must not see what another one has. Without
the header the principal is the service itself, which may everything in its tenant.
"""

import hmac
from collections.abc import Callable, Mapping
from typing import Protocol

from shared.errors import Forbidden, Unauthorized, ValidationError
from shared.identity.principal import ALL, SERVICE, USER, Credential, Principal, check_name
from shared.settings import Settings

LOCAL = Principal(tenant="local", user="local", roles=frozenset({ALL}))
"""Everybody, when AUTH_MODE is none."""

SERVICE_PATHS = (
    *("/executor", "/tasks", "/turns", "/approvals", "/agents", "/deliveries"),
    *("/usage", "/users", "/tenants", "/deletions"),
)
"""Where the service token is taken beside signed tokens: what programs ask for, where they come
back for the result, and what they look after."""

AUTHORIZATION = "authorization"
ON_BEHALF_OF = "x-on-behalf-of"


class Verifier(Protocol):
    """What checks signed tokens."""

    def verify(self, token: str) -> Credential:
        """Raises Unauthorized, or ServiceUnavailable when the keys cannot be had."""
        ...


class Authenticator:
    """Finds out who somebody is, as AUTH_MODE says. `verifier` is asked for when it is needed.

    Raises, wherever it is asked:
        Unauthorized: no credential, or a bad one. It does not tell which.
        ServiceUnavailable: that cannot be said now.
        ConfigurationError: this function was not given what it needs for that.
    """

    def __init__(self, settings: Settings, verifier: Callable[[], Verifier]) -> None:
        self._settings = settings
        self._verifier = verifier

    @property
    def asks_nobody(self) -> bool:
        """Whether everybody is let in."""
        return self._settings.auth_mode == "none"

    def request(self, path: str, headers: Mapping[str, str]) -> Credential:
        """Who sent a request with these headers; the case of their names does not matter.

        Raises:
            ValidationError: the credential is good, and the person it acts for is not a name.
            Forbidden: the credential is good, and may act for nobody else.
        """
        if self.asks_nobody:
            return Credential(principal=LOCAL)
        lowered = {name.lower(): value for name, value in headers.items()}
        given, person = _bearer(lowered.get(AUTHORIZATION, "")), lowered.get(ON_BEHALF_OF)
        if self._is_service(path, given):
            return Credential(principal=self._service(person))
        credential = self.token(given)
        if person is not None:
            raise Forbidden("X-On-Behalf-Of is for the service token. Leave it out.")
        return credential

    def token(self, token: str) -> Credential:
        """Who bears a signed token."""
        if self._settings.auth_mode != "jwt" or not token:
            raise Unauthorized
        return self._verifier().verify(token)

    def _is_service(self, path: str, given: str) -> bool:
        if self._settings.auth_mode == "token":
            expected = self._settings.require_service_token()
        elif self._settings.service_token and _below(path, SERVICE_PATHS):
            expected = self._settings.service_token
        else:
            return False
        return _same(given, expected.get_secret_value())

    def _service(self, person: str | None) -> Principal:
        tenant = self._settings.service_tenant
        if person is None:
            return Principal(tenant, SERVICE, frozenset({SERVICE}))
        return Principal(tenant, _person(person), frozenset({USER}))


def _below(path: str, folders: tuple[str, ...]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def _bearer(header: str) -> str:
    scheme, _, token = header.strip(" \t").partition(" ")
    return token.strip(" \t") if scheme.lower() == "bearer" else ""


def _same(given: str, expected: str) -> bool:
    # "surrogatepass": whatever a server makes of the bytes of a header, this must not raise.
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode())


def _person(header: str) -> str:
    """The name in `X-On-Behalf-Of`.

    An empty one is refused, not ignored: a backend that lost its user would otherwise get the
    service's rights. So is the service's own name: whoever chose it would own its things.
    """
    try:
        # ASGI gives the bytes of a header one by one. Only blanks are taken off: half of the
        # characters that Python takes for white space are halves of letters here.
        person = header.strip(" \t").encode("latin-1").decode("utf-8")
        check_name(person)
    except ValueError:
        raise ValidationError(
            "X-On-Behalf-Of must be 1 to 128 printable characters in UTF-8. "
            "Leave it out to act for the whole tenant."
        ) from None
    if person == SERVICE:
        raise ValidationError(
            f'X-On-Behalf-Of may not be "{SERVICE}". Leave it out to act for the whole tenant.'
        )
    return person
