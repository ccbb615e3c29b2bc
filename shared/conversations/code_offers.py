"""Sending the user of a session a code, by which they show that an address is theirs."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from shared.errors import RateLimited
from shared.identity.code_limits import CodeLimits
from shared.identity.codes import Codes, masked
from shared.identity.principal import Principal
from shared.messaging.mail import Mail, MailRefused, MailUnavailable
from shared.storage.table import Item
from shared.tools.port import ToolFault

log = logging.getLogger("parley")

EMAIL = "email"
SUBJECT = "Your verification code"
MAX_ATTEMPTS = 5
"""Codes that may be tried for one that was sent."""


class CodeOffers:
    """Sends codes. `mail` is None where none can be sent; `codes` is asked only when one is.
    `seconds` is how long a code can be used."""

    def __init__(
        self, mail: Mail | None, codes: Callable[[], Codes], limits: CodeLimits, *, seconds: int
    ) -> None:
        self._mail = mail
        self._codes = codes
        self._limits = limits
        self.seconds = seconds

    def offer(
        self, principal: Principal, session: str, item: Item | None, description: str
    ) -> Mapping[str, Any]:
        """Send a code to the address of the session's user: the one that their credential names,
        or else one that they gave. `item` is the session's. What is kept of it has the code's hash
        and the address, and what is shown of both.

        Raises:
            ToolFault: it cannot be sent, in words for the model.
        """
        address = _address(principal, item)
        if address is None:
            raise ToolFault(
                "The user must show who they are first, by a code that is sent to them, and no "
                "address is known. Ask for their email address with request_identity_intake, then "
                "call this again."
            )
        if self._mail is None:
            log.error("no code can be sent: OTP_SENDER is not set")
            raise ToolFault(
                "The user must show who they are first, and no code can be sent at present."
            )
        try:
            self._limits.take(principal.tenant, session, address)
        except RateLimited as limited:
            raise ToolFault(
                "The user must show who they are first, and too many codes have been sent to them. "
                "They can try again in an hour."
            ) from limited
        code, kept = self._codes().make()
        self._send(self._mail, address, code)
        return {
            "channel": EMAIL,
            "destination": masked(address),
            "description": description,
            "code": kept,
            "address": address,
        }

    def _send(self, mail: Mail, address: str, code: str) -> None:
        minutes = -(-self.seconds // 60)
        text = (
            f"Your code is {code}. It can be used for {minutes} minutes, in the conversation that "
            "asked for it.\n\nIf you did not ask for it, ignore this message, and tell nobody the "
            "code."
        )
        try:
            mail.send(to=address, subject=SUBJECT, text=text)
        except MailRefused as fault:
            log.warning("code not sent", extra={"reason": str(fault)})
            raise ToolFault(
                "The user must show who they are first, and the code could not be sent to their "
                "address. It may be wrong; ask for another one with request_identity_intake."
            ) from fault
        except MailUnavailable as fault:
            log.warning("code not sent", extra={"reason": str(fault)})
            raise ToolFault(
                "The user must show who they are first, and the code could not be sent just now. "
                "Try again later."
            ) from fault


def _address(principal: Principal, item: Item | None) -> str | None:
    """What has been checked goes before what a client says."""
    attrs: Mapping[str, Any] = item.attrs if item else {}
    body: Mapping[str, Any] = (item.body if item else None) or {}
    found = principal.email or attrs.get("contact_email") or body.get("user_email")
    return str(found) if found else None
