"""Calls that wait for people: for an approval, for a code, for what the user fills in.

Nothing is remembered here. Whether a call has been asked for, and what came of it, the host knows;
whoever takes the turn up again comes to the same place by the same code.
"""

import logging
from collections.abc import Mapping
from typing import Any

from shared.interactions.kinds import by_tool
from shared.interactions.port import Kind as Interaction
from shared.interactions.results import declined, no_response, submitted
from shared.interactions.submitting import SUBMIT, submitted_by_model
from shared.runner.batch import Call, Outcome, where
from shared.runner.builtins import is_form
from shared.runner.describing import described_call, shown_arguments
from shared.runner.gates import OPEN, Approval, Gate
from shared.runner.host import Host
from shared.runner.prompts import (
    APPROVAL,
    APPROVED,
    CODE,
    DECLINED,
    EXPIRED,
    INTERACTION,
    SUBMITTED,
    VERIFIED,
    Answer,
    Prompt,
    code_key,
    digest_of,
)
from shared.runner.sensitive import hidden
from shared.tools.port import InvalidArguments, Tool, ToolFault

log = logging.getLogger("parley")

MAX_NOTE = 1000
"""Characters of a decider's note that the model is told."""


class Waits:
    """What stands before the calls of one turn. `renders` are what the user's client can show."""

    def __init__(
        self,
        host: Host,
        tools: Mapping[str, Tool],
        gates: Mapping[str, Gate],
        renders: frozenset[str],
    ) -> None:
        self._host = host
        self._tools = tools
        self._gates = gates
        self._renders = renders

    def concerns(self, call: Call) -> bool:
        """Whether anybody is to be asked about such a call, or for its result."""
        return self._gate(call) != OPEN or self._is_form(call)

    def shown(self, call: Call) -> bool:
        """Whether the call has been shown to clients, with the prompt about it."""
        return self._host.shown(call.key)

    def arguments(self, call: Call) -> Mapping[str, Any]:
        """What clients are shown of the arguments of such a call: of one that somebody approves, no
        secrets, also if it was approved before anybody was shown the prompt."""
        if self._gates.get(call.name, OPEN).approval is None:
            return call.arguments
        tool = self._tools.get(call.name)
        return shown_arguments(tool, call.arguments) if tool else hidden(call.arguments, {})

    def outcome(self, call: Call) -> Outcome | None:
        """What the call comes to without being made; None: it may be made.

        Raises:
            Parked: nobody has answered yet. So does what else the host raises.
        """
        if self._is_form(call):
            return self._form(call)
        gate = self._gate(call)
        unfit = self._unfit(call)
        if unfit is not None:
            return unfit
        try:
            refused = self._verification(call) if gate.verified else None
            if refused is None and gate.approval is not None:
                refused = self._approval(call, gate.approval)
        except ToolFault as fault:
            return _refused(str(fault))
        return refused

    def digest(self, call: Call) -> str | None:
        """What must have been approved for the call to begin; None: nothing."""
        return digest_of(call) if self._gate(call).approval is not None else None

    def _gate(self, call: Call) -> Gate:
        # A tool that cannot be made any more is refused like any other that is not there.
        return self._gates.get(call.name, OPEN) if call.name in self._tools else OPEN

    def _is_form(self, call: Call) -> bool:
        return call.name not in self._tools and is_form(call.name)

    def _unfit(self, call: Call) -> Outcome | None:
        """Nobody is asked about a call that cannot be made."""
        check = getattr(self._tools[call.name], "check", None)
        try:
            if check is not None:
                check(call.arguments)
        except InvalidArguments as fault:
            return _refused(str(fault))
        except Exception as fault:  # noqa: BLE001 - whatever the tool's author left in it
            log.warning("tool failed", extra={"tool": call.name, "fault": where(fault)})
            return _refused(f"{call.name} failed over its arguments.")
        return None

    # -- somebody allows it ---------------------------------------------------------------

    def _approval(self, call: Call, approval: Approval) -> Outcome | None:
        tool = self._tools[call.name]
        content = {
            "description": described_call(tool, call.arguments),
            "arguments": shown_arguments(tool, call.arguments),
        }
        answer = self._asked(
            Prompt(
                kind=APPROVAL,
                key=call.key,
                call=call,
                digest=digest_of(call),
                content=content,
                seconds=approval.seconds,
                roles=approval.roles,
            )
        )
        if answer.what == EXPIRED:
            return _refused("Nobody decided about this call in time.")
        said = f" The note with it: {answer.note[:MAX_NOTE]}" if answer.note else ""
        if answer.what != APPROVED:
            return _refused(f"The person who was asked about this call declined it.{said}")
        if answer.digest != digest_of(call):
            return _refused("What was approved is not this call.")
        return None

    def _asked(self, prompt: Prompt) -> Answer:
        answer = self._host.answer(prompt.key)
        if answer is None:
            answer = self._host.park(prompt)
        return answer

    # -- the user shows who they are ------------------------------------------------------

    def _verification(self, call: Call) -> Outcome | None:
        answer = self._host.answer(code_key(call))
        if answer is None:
            if self._host.is_verified(call.key):
                return None
            tool = self._tools[call.name]
            content = self._host.offer_code(described_call(tool, call.arguments))
            prompt = Prompt(
                kind=CODE, key=code_key(call), call=call, digest=digest_of(call), content=content
            )
            answer = self._host.park(prompt)
        if answer.what == VERIFIED:
            # Whoever goes on looks up which address it is.
            self._host.is_verified(call.key)
            return None
        if answer.what == EXPIRED:
            return _refused("The user did not enter the code that was sent to them in time.")
        return _refused("The user could not be verified: the code was wrong too often.")

    # -- the user fills something in ------------------------------------------------------

    def _form(self, call: Call) -> Outcome:
        try:
            if call.name == SUBMIT.name:
                kind, values = submitted_by_model(call.arguments)
                self._host.keep_contact(kind.contact(values))
                return Outcome(submitted(values))
            found = by_tool(call.name)
            assert found is not None  # noqa: S101 - `_is_form` has looked
            return self._interaction(call, found)
        except ToolFault as fault:
            return _refused(str(fault))

    def _interaction(self, call: Call, kind: Interaction) -> Outcome:
        raised = kind.raised(call.arguments)
        if kind.capability not in self._renders:
            return Outcome(kind.ask(raised))
        content = {"kind": kind.name, "spec": dict(raised.spec), "reason": raised.reason}
        answer = self._asked(
            Prompt(
                kind=INTERACTION,
                key=call.key,
                call=call,
                digest=digest_of(call),
                content=content,
            )
        )
        if answer.what == SUBMITTED:
            return Outcome(submitted(answer.values))
        return Outcome(declined() if answer.what == DECLINED else no_response())


def _refused(why: str) -> Outcome:
    return Outcome(f"Not called. {why}", is_error=True)
