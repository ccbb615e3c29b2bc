"""The credentials of HTTP requests.

    AUTH_MODE   credential                            principal
    none        (nothing)                             LOCAL
    token       Authorization: Bearer SERVICE_TOKEN   SERVICE_TENANT's service, or whom it names

A backend that bears the service token names the person for whom it asks in `X-On-Behalf-Of`.
The principal is then that person, with the role `user` and no other: the backend relies on us
to keep its users apart, so a request for one of them must not see what another one has. Without
the header the principal is the service itself, which may everything in its tenant.
"""

import hmac
from collections.abc import Mapping

from shared.errors import Unauthorized, ValidationError
from shared.identity.principal import ALL, SERVICE, USER, Principal, check_name
from shared.settings import Settings

LOCAL = Principal(tenant="local", user="local", roles=frozenset({ALL}))
"""Everybody, when AUTH_MODE is none."""

AUTHORIZATION = "authorization"
ON_BEHALF_OF = "x-on-behalf-of"


def authenticate_http(headers: Mapping[str, str], settings: Settings) -> Principal:
    """Who sent a request with these headers; the case of their names does not matter.

    Raises:
        Unauthorized: no credential, or a bad one. It does not tell which.
        ValidationError: the credential is good, and the person it acts for is not a name.
        ConfigurationError: this function was not given the token.
    """
    if settings.auth_mode == "none":
        return LOCAL
    lowered = {name.lower(): value for name, value in headers.items()}
    expected = settings.require_service_token().get_secret_value()
    if not _same(_bearer(lowered.get(AUTHORIZATION, "")), expected):
        raise Unauthorized
    person = lowered.get(ON_BEHALF_OF)
    if person is None:
        return Principal(settings.service_tenant, SERVICE, frozenset({SERVICE}))
    return Principal(settings.service_tenant, _person(person), frozenset({USER}))


def _bearer(header: str) -> str:
    scheme, _, token = header.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _same(given: str, expected: str) -> bool:
    # "surrogatepass": whatever a server makes of the bytes of a header, this must not raise.
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode())


def _person(header: str) -> str:
    """The name in `X-On-Behalf-Of`.

    An empty one is refused, not ignored: a backend that lost its user would otherwise get the
    service's rights. So is the service's own name: whoever chose it would own its things.
    """
    person = header.strip()
    try:
        check_name(person)
    except ValueError:
        raise ValidationError(
            "X-On-Behalf-Of must be 1 to 128 printable characters. "
            "Leave it out to act for the whole tenant."
        ) from None
    if person == SERVICE:
        raise ValidationError(
            f'X-On-Behalf-Of may not be "{SERVICE}". Leave it out to act for the whole tenant.'
        )
    return person
