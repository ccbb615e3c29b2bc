"""The composition root.

`current()` is this process's deployment, made from the environment when a handler first asks for
it. Everything in it is built on first use, with its imports, so that each function pays only for
what it uses.
"""

from shared import logs
from shared.settings import Settings
from shared.wiring.deployment import Deployment

__all__ = ["Deployment", "current", "install"]

_current: Deployment | None = None


def current() -> Deployment:
    """This process's deployment.

    Raises:
        ConfigurationError: the environment contradicts itself.
    """
    global _current  # noqa: PLW0603 - one per process, like the environment that it stands for
    if _current is None:
        settings = Settings.from_environment(secrets=_secret)
        _current = Deployment(settings)
        logs.configure("parley", settings.log_level, also=_current.listeners())
    return _current


def install(deployment: Deployment | None) -> None:
    """Use this deployment from now on; None: make one from the environment again."""
    global _current  # noqa: PLW0603
    _current = deployment


def _secret(arn: str) -> str:
    from shared import aws

    return aws.secret(arn)
