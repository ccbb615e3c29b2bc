"""Tokens that are refused."""

from typing import Any

import pytest

from shared.errors import Unauthorized
from shared.identity.keys import Keys
from tests.identity.token_samples import verifier


def refused(token: str, keys: Keys | None = None, **settings: Any) -> None:
    """Assert that the token is refused, and that the caller does not learn why."""
    with pytest.raises(Unauthorized) as caught:
        verifier(keys, **settings).verify(token)
    assert caught.value.message == "A valid credential is required."
    assert not caught.value.details
    assert caught.value.__suppress_context__
