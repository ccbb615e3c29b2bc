"""What must not be set together: each contradiction is a sentence that says what to set."""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from shared import settings_types as types

if TYPE_CHECKING:
    from shared.settings import Settings

JWT_KEYS = ("auth_jwt_secret", "auth_jwt_public_key", "auth_jwks_url")
"""What tokens are checked with, of which AUTH_MODE=jwt needs one."""


def contradictions(settings: "Settings") -> Iterator[str]:
    aws = ("table_name", "bucket_name", "queue_url", "connections_url")
    missing = [name.upper() for name in aws if getattr(settings, name) is None]
    if 0 < len(missing) < len(aws):
        yield f"Set {', '.join(missing)} too: on AWS all four of them, on a laptop none."
    if settings.on_aws and settings.database_url:
        yield "DATABASE_URL and TABLE_NAME are both set. Keep one: SQLite or DynamoDB."
    if settings.heartbeat_sec * 2 >= settings.lease_sec:
        yield "HEARTBEAT_SEC must be less than half of LEASE_SEC. Lower it, or raise the lease."
    if settings.model_base_backoff_sec > settings.model_max_backoff_sec:
        yield "MODEL_BASE_BACKOFF_SEC is more than MODEL_MAX_BACKOFF_SEC. Raise the latter."
    if settings.model_provider == "bedrock" and "anthropic_model" not in settings.model_fields_set:
        yield "MODEL_PROVIDER=bedrock needs ANTHROPIC_MODEL: a model or inference profile there."
    yield from _unsafe(settings)
    yield from _token_keys(settings)
    yield from _backend(settings)


def _unsafe(settings: "Settings") -> Iterator[str]:
    if settings.auth_mode == "none" and not (settings.loopback or settings.auth_allow_public):
        yield (
            "AUTH_MODE=none lets everybody in who can reach this. Set AUTH_MODE=token, or "
            "AUTH_ALLOW_PUBLIC=true if that is what you want."
        )


def _token_keys(settings: "Settings") -> Iterator[str]:
    """On AWS, AUTH_MODE=jwt without any of these is found where a token is checked: not every
    function is given them."""
    given = [name for name in JWT_KEYS if getattr(settings, name) is not None]
    if len(given) > 1:
        named = " and ".join(name.upper() for name in given)
        yield f"{named} are set. Keep one of them: it says which keys sign tokens."
    if settings.auth_mode == "jwt" and not given and not settings.on_aws:
        names = ", ".join(name.upper() for name in JWT_KEYS)
        yield f"AUTH_MODE=jwt needs one of {names}: what tokens are checked with."
    url = settings.auth_jwks_url
    if url is None:
        return
    if urlsplit(url).scheme != "https" and urlsplit(url).hostname not in types.LOOPBACK:
        yield "AUTH_JWKS_URL must begin with https://: whoever can change the keys is everybody."
    if not settings.auth_jwt_issuer and not settings.auth_jwt_audience:
        yield (
            "AUTH_JWKS_URL needs AUTH_JWT_ISSUER or AUTH_JWT_AUDIENCE: its keys sign tokens for "
            "others too."
        )


def _backend(settings: "Settings") -> Iterator[str]:
    if settings.backend_mode == "http" and settings.backend_url is None:
        yield "BACKEND_MODE=http needs BACKEND_URL: where the backend is."
    if settings.backend_token and not settings.backend_url:
        yield "BACKEND_TOKEN needs BACKEND_URL: whom it is for."
    url = settings.backend_url
    if url is None or urlsplit(url).scheme == "https":
        return
    if not _internal(urlsplit(url).hostname or ""):
        yield "BACKEND_URL must begin with https://: it gives out agents, and is told what is said."


def _internal(host: str) -> bool:
    """Whether a host is this machine or, by its name or number, one of a private network."""
    if host in types.LOOPBACK or "." not in host or host.endswith((".internal", ".local")):
        return True
    try:
        return ip_address(host).is_private
    except ValueError:
        return False
