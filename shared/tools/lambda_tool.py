"""Lambda tools: a function of the same account that gets the arguments and the context.

It receives `{"arguments": {…}, "context": {tenant, user, conversation_id, session_id, turn_id,
call_id, idempotency_key}}`, and what it returns is the result. The context of a tool that is
`verified` also has `verified_email`.
"""

import json
import logging
import re
from collections.abc import Mapping
from typing import Any

from shared.clock import Clock
from shared.messaging.functions import (
    MAX_PAYLOAD,
    FunctionAnswer,
    FunctionFailed,
    FunctionRefused,
    Functions,
)
from shared.tools.arguments import Check
from shared.tools.described import Described
from shared.tools.port import InvalidArguments, ToolContext, ToolFault
from shared.tools.specs import ToolSpec

_FUNCTION = re.compile(r"[A-Za-z0-9_:$-]{1,256}", re.ASCII)
_ERROR_TYPE = re.compile(r"[A-Za-z][\w.]{0,63}", re.ASCII)

_log = logging.getLogger("parley")


class LambdaTool(Described):
    """A `Tool` that invokes one function a call, once.

    Raises:
        ValueError: there can be no such function; a sentence that goes on where `lambda` ends.
    """

    def __init__(
        self,
        spec: ToolSpec,
        check: Check,
        *,
        functions: Functions,
        clock: Clock,
    ) -> None:
        if spec.lambda_ is None:
            raise TypeError("the entry describes no Lambda tool")
        if not _FUNCTION.fullmatch(spec.lambda_.function):
            raise ValueError("must have the name or the ARN of a function")
        super().__init__(spec, check, spec.lambda_.timeout_sec)
        self._function = spec.lambda_.function
        self._functions = functions
        self._clock = clock

    def run(self, arguments: Mapping[str, Any], context: ToolContext) -> str:
        self.check(arguments)
        payload = _payload(arguments, context)
        seconds = min(self.timeout, context.deadline - self._clock.monotonic())
        if seconds <= 0:
            raise ToolFault("No time was left for this call; nothing was run.")
        return self._result(self._invoke(payload, seconds))

    def _invoke(self, payload: bytes, seconds: float) -> FunctionAnswer:
        try:
            return self._functions.invoke(self._function, payload, timeout=seconds)
        except FunctionRefused as refused:
            self._report("the tool's function was not run", str(refused))
            if refused.busy:
                raise ToolFault(
                    "The tool's function is too busy now; nothing was run. Try again later."
                ) from refused
            raise ToolFault(
                "The tool's function cannot be called; nothing was run. Only whoever operates it "
                "can change that."
            ) from refused
        except FunctionFailed as failed:
            self._report("the tool's function gave no answer", str(failed))
            raise ToolFault(
                "The tool's function gave no answer in time. The outcome is unknown: it may have "
                "taken effect. Find out before you try again."
            ) from failed

    def _result(self, answer: FunctionAnswer) -> str:
        text = answer.payload.decode("utf-8", "replace")
        try:
            value = json.loads(text) if text else None
        except (ValueError, RecursionError):
            # Some other runtime's text.
            value = text
        if answer.failed:
            kind = _error_type(value)
            self._report("the tool's function failed", kind or "unknown")
            raise ToolFault(
                f"The tool's function failed{f' ({kind})' if kind else ''}. What it had done by "
                "then is unknown."
            )
        if value is None:
            return "Done; the function returned nothing."
        # Half a character, which JSON can hold, could not be stored.
        return value.encode("utf-8", "replace").decode() if isinstance(value, str) else text

    def _report(self, what: str, reason: str) -> None:
        extra = {"tool": self.name, "function": self._function, "reason": reason}
        _log.warning(what, extra=extra)


def _payload(arguments: Mapping[str, Any], context: ToolContext) -> bytes:
    about = {
        "tenant": context.tenant,
        "user": context.user,
        "conversation_id": context.conversation,
        "session_id": context.session,
        "turn_id": context.turn,
        "call_id": context.call,
        "idempotency_key": context.idempotency_key,
    }
    if context.verified_email is not None:
        about["verified_email"] = context.verified_email
    try:
        payload = json.dumps(
            {"arguments": dict(arguments), "context": about}, separators=(",", ":"), allow_nan=False
        ).encode()
    except ValueError as fault:
        raise InvalidArguments("A number must be finite.") from fault
    if len(payload) > MAX_PAYLOAD:
        raise InvalidArguments(f"The arguments have more than {MAX_PAYLOAD} bytes; shorten them.")
    return payload


def _error_type(value: Any) -> str | None:
    """The kind of an error, if it is a plain name; what it says may not be for the model."""
    kind = value.get("errorType") if isinstance(value, dict) else None
    return kind if isinstance(kind, str) and _ERROR_TYPE.fullmatch(kind) else None
