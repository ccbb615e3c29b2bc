"""Two keys of a provider, one of which takes the place of the other."""

from typing import Any

from shared.errors import Unauthorized
from shared.identity.jwks import Jwks
from tests.identity.token_samples import jwk, pem, rsa_key

OLD, NEW = {"alg": "RS256", "kid": "old"}, {"alg": "RS256", "kid": "new"}
OLD_KEY, NEW_KEY = jwk(rsa_key("old"), kid="old"), jwk(rsa_key("new"), kid="new")


def has(keys: Jwks, header: dict[str, Any]) -> bool:
    """Whether the key for the header is found, and is the right one."""
    try:
        found = keys.find(header)
    except Unauthorized:
        return False
    return pem(found) == pem(rsa_key(header["kid"]))
