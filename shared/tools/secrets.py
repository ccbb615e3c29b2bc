"""The secrets that tools need, by name: from the environment, or else from Secrets Manager.

`refunds` is the variable `PARLEY_SECRET_REFUNDS`: in capitals, every other character an
underscore. Its value may be `secretsmanager:<arn>`. Without the variable it is the secret
`parley/refunds` of the deployment's account.
"""

import re
from collections.abc import Mapping

from pydantic import SecretStr

from shared.clock import Clock
from shared.errors import ConfigurationError
from shared.settings import SECRET_PREFIX, Secrets

NAME = re.compile(r"[a-z0-9_-]{1,64}", re.ASCII)
MAX_VALUE = 4096
"""Characters; servers do not take much longer headers."""

FRESH_SECONDS = 300
"""How long a value from Secrets Manager is used before it is read again."""


class ToolSecrets:
    """Secrets by name; safe for several threads.

    `given` is what `shared.settings.tool_secrets` found, `fetch` reads Secrets Manager by ARN or
    name; None: there is none, as on a laptop.
    """

    def __init__(
        self, given: Mapping[str, SecretStr], clock: Clock, *, fetch: Secrets | None = None
    ) -> None:
        self._given = given
        self._clock = clock
        self._fetch = fetch
        self._read: dict[str, tuple[SecretStr, float]] = {}

    def get(self, name: str) -> str:
        """The value of a secret, which nobody may show or log.

        Raises:
            ConfigurationError: it is missing, empty, too long or cannot be read. The text names
                the secret, for the log.
        """
        given = self._given.get(variable(name))
        value = given.get_secret_value() if given else f"{SECRET_PREFIX}parley/{name}"
        if value.startswith(SECRET_PREFIX):
            value = self._managed(name, value.removeprefix(SECRET_PREFIX))
        if len(value) > MAX_VALUE:
            raise ConfigurationError(
                f"The tools' secret {name} has more than {MAX_VALUE} characters. Shorten it."
            )
        return value

    def _managed(self, name: str, key: str) -> str:
        kept = self._read.get(key)
        if kept and self._clock.monotonic() - kept[1] < FRESH_SECONDS:
            return kept[0].get_secret_value()
        if self._fetch is None:
            raise ConfigurationError(
                f"The tools' secret {name} is missing. Set {variable(name)} to its value."
            )
        try:
            value = self._fetch(key).strip()
        except Exception as fault:
            raise ConfigurationError(
                f"The tools' secret {name} could not be read. Set {variable(name)}, or check "
                f"that {key} exists in Secrets Manager and that this function may read it."
            ) from fault
        if not value:
            raise ConfigurationError(
                f"The tools' secret {name} is empty. Give {key} a value in Secrets Manager."
            )
        self._read[key] = SecretStr(value), self._clock.monotonic()
        return value


def variable(name: str) -> str:
    """The environment variable that holds a secret."""
    return "PARLEY_SECRET_" + re.sub(r"[^A-Z0-9]", "_", name.upper())
