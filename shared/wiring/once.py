"""Parts that are made when first asked for."""

from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

_Part = TypeVar("_Part")


class once(cached_property[_Part]):  # noqa: N801 - a decorator
    """A part that is made when first asked for, and only once: from Python 3.12 on, a cached
    property alone is made by every thread that asks before the first one has it."""

    if not TYPE_CHECKING:  # its type is that of a cached property

        def __get__(self, deployment, owner=None):
            if deployment is None:
                return self
            with deployment.making:
                return super().__get__(deployment, owner)
