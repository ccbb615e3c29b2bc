"""What the product logs."""

import io
from collections.abc import Iterator

import pytest

from tests.privacy.canaries import listening


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    with listening() as made:
        yield made
