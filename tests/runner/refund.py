"""A tool whose calls people are shown, and secrets that may be in them."""

from collections.abc import Mapping
from typing import Any

from shared.runner.describing import shown_arguments
from tests.runner.said import MadeTool

HIDDEN = "[redacted]"
CARD = "4111 1111 1111 1111"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nAAAA\n-----END RSA PRIVATE KEY-----"
PASSWORD = {"type": "string", "format": "password"}
WRITE_ONLY = {"type": "string", "writeOnly": True}


class RefundTool(MadeTool):
    """A tool that says of itself what a test wants."""

    def __init__(self, description: str = "", properties: Mapping[str, Any] | None = None) -> None:
        super().__init__("refund")
        self.description = description
        self.parameters = {"type": "object", "properties": properties or {}}


def shown(arguments: Mapping[str, Any], **properties: Any) -> dict[str, Any]:
    return shown_arguments(RefundTool(properties=properties), arguments)
