"""The headers of an HTTP tool, with secrets filled in.

A value may be `secret:name`, which is that secret, or have `{secret:name}` in it.
"""

import re
from collections.abc import Callable, Mapping

from shared.errors import ConfigurationError
from shared.tools.secrets import NAME

MAX_VALUE = 4096

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}", re.ASCII)
_VALUE = re.compile(r"[\t\x20-\x7e]*", re.ASCII)
_WHOLE = re.compile(r"secret:(.*)")
_INSIDE = re.compile(r"\{secret:([^{}]*)\}")
# The connection's own, and what would change how the request or the answer is framed.
_OURS = frozenset(
    {
        *("accept-encoding", "connection", "content-length", "expect", "host", "keep-alive"),
        *("proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding"),
        "upgrade",
    }
)


class Headers:
    """Header templates, checked when made.

    Raises:
        ValueError: with a sentence that goes on where `http` ends.
    """

    def __init__(self, given: Mapping[str, str]) -> None:
        self.names = frozenset(name.lower() for name in given)
        if len(self.names) < len(given):
            raise ValueError("has the same header twice; remove one")
        self._templates = {name: _checked(name, value) for name, value in given.items()}

    def filled(self, secret: Callable[[str], str]) -> tuple[dict[str, str], tuple[str, ...]]:
        """The headers, and the secrets that are in them.

        Raises:
            ConfigurationError: a secret is missing, or no header can hold it.
        """
        used: list[str] = []

        def value_of(found: re.Match[str]) -> str:
            value = secret(found[1])
            if not _VALUE.fullmatch(value):
                raise ConfigurationError(
                    f"The tools' secret {found[1]} has characters that a header cannot have. "
                    "Give it a value of printable ASCII characters."
                )
            used.append(value)
            return value

        filled = {
            name: _INSIDE.sub(value_of, template) for name, template in self._templates.items()
        }
        return filled, tuple(used)


def _checked(name: str, value: str) -> str:
    """The value with every secret in the form `{secret:name}`."""
    if not _NAME.fullmatch(name):
        raise ValueError("has a header whose name is not one; use letters, digits and -")
    if name.lower() in _OURS:
        raise ValueError(f"may not set the header {name}, which is set by itself; remove it")
    if len(value) > MAX_VALUE or not _VALUE.fullmatch(value):
        raise ValueError(
            f"has a value of the header {name} that is no line of up to {MAX_VALUE} printable "
            "ASCII characters"
        )
    if whole := _WHOLE.fullmatch(value):
        value = f"{{secret:{whole[1]}}}"
    if "secret:" in _INSIDE.sub("", value):
        raise ValueError(
            f"has secret: inside the header {name}; write {{secret:name}} where its value is to be"
        )
    for secret in _INSIDE.findall(value):
        if not NAME.fullmatch(secret):
            raise ValueError(
                f"names a secret in the header {name} that cannot be one; use up to 64 lower-case "
                "letters, digits, _ and -"
            )
    return value
