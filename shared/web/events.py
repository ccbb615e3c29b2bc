"""HTTP events as the adapter between API Gateway and ASGI can read them."""

import re
from collections.abc import Mapping
from typing import Any

_HOST = re.compile(r"[A-Za-z0-9._-]{1,255}(?::[0-9]{1,5})?", re.ASCII)
_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)


def readable(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event without headers that say where it was sent to in a form that cannot be: the adapter
    takes them apart before anybody could answer that they are wrong. Nothing here rests on them."""
    headers = dict(event.get("headers") or {})
    for name in list(headers):
        form = {"host": _HOST, "x-forwarded-port": _PORT}.get(name.lower())
        if form is not None and not form.fullmatch(str(headers[name])):
            del headers[name]
    return {**event, "headers": headers}
