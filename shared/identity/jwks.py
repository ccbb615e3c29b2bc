"""The keys that an identity provider publishes, fetched when they are needed.

A set of keys serves for LIFE; then the next caller fetches it again, so a key that the provider
withdrew is refused after that. A name that is not in the set may be a new key, and has it fetched
at once. Whatever the reason, and whether it worked or not, there is no other fetch for COOLDOWN:
callers can make up names, and must not use us to hammer the provider. If it does not answer, the
last good set serves until MAX_STALE after it was fetched. Where there is none, as when a function
has just started, nobody can be let in, and the pause is FIRST_COOLDOWN.
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.clock import Clock
from shared.errors import ServiceUnavailable, Unauthorized
from shared.identity.jwk_set import JwkSet, read_key_set

log = logging.getLogger("parley")

LIFE = 300
COOLDOWN = 30
FIRST_COOLDOWN = 2
MAX_STALE = 3600
"""Seconds. By the wall clock: the monotonic one may stand still while a function is frozen, and
a withdrawn key would live on."""


@dataclass(frozen=True)
class _Held:
    keys: JwkSet
    since: int


class Jwks:
    """Keys for RS256 and ES256, from the JWK Set that `fetch` returns; safe for threads.

    `fetch` makes one attempt, bounded in time and size, and raises whatever it likes. One thread
    at a time fetches; those that have a key in the set go on with it meanwhile.
    """

    algorithms: Sequence[str] = ("RS256", "ES256")

    def __init__(self, fetch: Callable[[], bytes], clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._fetching = threading.Lock()
        self._held: _Held | None = None
        self._tried_at: int | None = None

    def find(self, header: Mapping[str, Any]) -> Any:
        """The key that the token's `kid` names; without one, the only key for its `alg`.

        Raises:
            Unauthorized: there is no such key.
            ServiceUnavailable: no set has been fetched for MAX_STALE, and none can be now.
        """
        algorithm, kid = header.get("alg"), header.get("kid")
        held = self._usable()
        known = held is not None and held.keys.find(algorithm, kid) is not None
        if held is None or not known or not self._within(held.since, LIFE):
            self._refresh(wait=not known)
            held = self._usable()
        if held is None:
            raise ServiceUnavailable(
                "Tokens cannot be checked now, since the keys of the identity provider cannot "
                "be fetched; try again."
            )
        key = held.keys.find(algorithm, kid)
        if key is None:
            raise Unauthorized
        return key

    def _usable(self) -> _Held | None:
        held = self._held
        return held if held is not None and self._within(held.since, MAX_STALE) else None

    def _refresh(self, *, wait: bool) -> None:
        """Fetch the set, unless that was tried a moment ago. `wait` for another thread that does
        it already, or leave it to that one."""
        if not self._fetching.acquire(blocking=wait):
            return
        try:
            # Who waited finds that it has been tried.
            if not self._cooling():
                self._replace()
        finally:
            self._fetching.release()

    def _replace(self) -> None:
        since = self._clock.now()
        try:
            keys = read_key_set(self._fetch())
        except Exception:
            # Whatever it was, the keys at hand serve on.
            log.warning("keys of tokens not refreshed", exc_info=True)
        else:
            if not keys:
                log.warning("the identity provider publishes no key that can be used")
            self._held = _Held(keys, since)
        finally:
            # After the set, which whoever sees this takes for the outcome.
            self._tried_at = self._clock.now()

    def _cooling(self) -> bool:
        pause = COOLDOWN if self._usable() is not None else FIRST_COOLDOWN
        return self._tried_at is not None and self._within(self._tried_at, pause)

    def _within(self, since: int, seconds: int) -> bool:
        """Whether less than that has passed; not if the clock was set back since."""
        return 0 <= self._clock.now() - since < seconds * 1000
