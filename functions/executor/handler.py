"""The HTTP API: FastAPI through Mangum."""

from functools import cache
from typing import Any

from mangum import Mangum

from shared import logs, wiring
from shared.web.events import readable
from shared.wiring import Deployment


@cache
def _adapter(deployment: Deployment) -> Mangum:
    return Mangum(deployment.http, lifespan="off")


def handler(event: dict[str, Any], context: Any) -> Any:
    """The answer to one HTTP request."""
    deployment = wiring.current()
    request = context.aws_request_id
    with (
        logs.invocation(request=request),
        deployment.observed(function="executor", request=request),
    ):
        return _adapter(deployment)(readable(event), context)
