"""Lists: what every one of them takes, and where it says that its next page is."""

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Query, Response

MAX_LIMIT = 200

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Entries of the page, at most.")]
Cursor = Annotated[
    str | None, Query(max_length=2048, description="From the `Link` of the page before.")
]


def link_next(response: Response, path: str, asked: Mapping[str, str], cursor: str | None) -> None:
    """Say where the next page is, if there may be one."""
    if cursor is not None:
        where = urlencode({**asked, "cursor": cursor})
        response.headers["Link"] = f'<{path}?{where}>; rel="next"'
