"""HTTP tools as an agent's configuration makes them, for servers of this machine."""

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import SecretStr

from shared.clock import Clock
from shared.tools.arguments import checked
from shared.tools.http_tool import HttpTool
from shared.tools.port import ToolFault
from shared.tools.secrets import ToolSecrets
from shared.tools.specs import ToolSpec
from tests.messaging.receivers import Receiver, client
from tests.support.clock import FakeClock
from tests.tools.calls import context

ANY: Mapping[str, Any] = {"type": "object", "additionalProperties": True}


def schema(**properties: Any) -> dict[str, Any]:
    """An object whose properties are all required but for those that have a default."""
    required = [
        name for name, each in properties.items() if isinstance(each, bool) or "default" not in each
    ]
    return {"type": "object", "properties": properties, "required": required}


def texts(*names: str) -> dict[str, Any]:
    return schema(**{name: {"type": "string"} for name in names})


def tool(
    url: str,
    method: str = "GET",
    *,
    parameters: Mapping[str, Any] = ANY,
    headers: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
    timeout: float = 30,
    clock: Clock | None = None,
    allow_private: bool = True,
) -> HttpTool:
    spec = ToolSpec.model_validate(
        {
            "name": "find_order",
            "description": "Find an order",
            "parameters": parameters,
            "repeatable": True,
            "parallel": False,
            "http": {
                "method": method,
                "url": url,
                "headers": headers or {},
                "timeout_sec": timeout,
            },
        }
    )
    clock = clock or FakeClock()
    given = {name: SecretStr(value) for name, value in (secrets or {}).items()}
    return HttpTool(
        spec,
        checked(parameters),
        http=client(allow_private=allow_private),
        secrets=ToolSecrets(given, clock),
        clock=clock,
    )


def call(
    server: Receiver, path: str, method: str = "GET", *, arguments: Any = None, **more: Any
) -> str:
    """The result of a tool with this path on the server."""
    made = tool(f"http://api.example:{server.port}{path}", method, **more)
    return made.run(arguments or {}, context())


def fault(server: Receiver, path: str = "/", method: str = "GET", **more: Any) -> str:
    """What the model is told of a call that does not work."""
    with pytest.raises(ToolFault) as caught:
        call(server, path, method, **more)
    return str(caught.value)
