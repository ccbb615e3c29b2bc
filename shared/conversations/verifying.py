"""Checking the code that a session's user was sent."""

from collections.abc import Callable

from shared.clock import Clock
from shared.conversations.answers import Answers
from shared.conversations.asking import with_verified
from shared.conversations.code_offers import MAX_ATTEMPTS
from shared.conversations.items import Connection, Session
from shared.conversations.prompts import Stored, prompt_of
from shared.conversations.turns import TurnRequests
from shared.conversations.waiting import Waiting
from shared.errors import ServiceUnavailable
from shared.identity.codes import Codes
from shared.mailbox.box import Job
from shared.mailbox.requests import Requests
from shared.protocol import frames, prompts
from shared.runner.prompts import CODE, FAILED, VERIFIED

TRIES = 4
"""How often one code is looked at while others are tried at the same time."""

_SAID = {
    prompts.NOT_FOUND: "No code is waited for here.",
    prompts.EXPIRED: "The code cannot be used any more.",
    prompts.MAX_ATTEMPTS: "That was wrong too often. Ask again for what you wanted.",
    prompts.INVALID_CODE: "That is not the code.",
}


class Verifying:
    """Handles `verify_otp`. Each code that is tried counts, also when several are at once."""

    def __init__(
        self,
        clock: Clock,
        answers: Answers,
        waiting: Waiting,
        requests: Requests,
        turns: TurnRequests,
        codes: Callable[[], Codes],
    ) -> None:
        self._clock = clock
        self._answers = answers
        self._waiting = waiting
        self._requests = requests
        self._turns = turns
        self._codes = codes

    def verify(self, opened: Connection, frame: frames.VerifyOtp) -> None:
        """Say whether it is the code; if it is, the turn goes on."""
        session = self._waiting.own(opened, frame.session_id)
        if session is None:
            self._refuse(opened, frame, prompts.NOT_FOUND, 0)
            return
        for _ in range(TRIES):
            job = self._waiting.current(session)
            prompt = prompt_of(job) if job and job.payload["session"] == session.id else None
            if job is None or prompt is None or prompt["kind"] != CODE:
                self._refuse(opened, frame, prompts.NOT_FOUND, 0)
                return
            if self._tried(opened, session, job, prompt, frame):
                return
        raise ServiceUnavailable

    def _tried(
        self,
        opened: Connection,
        session: Session,
        job: Job,
        prompt: Stored,
        frame: frames.VerifyOtp,
    ) -> bool:
        """Try the code once; False if the turn is not any more as it was read."""
        pending = job.pending
        if pending is None:
            return False
        now = self._clock.now()
        sent_until = prompt["at"] + prompt["seconds"] * 1000
        if now >= sent_until or (pending.expires_at is not None and pending.expires_at <= now):
            self._refuse(opened, frame, prompts.EXPIRED, 0)
            return True
        if not Codes.is_one(frame.code):
            self._refuse(opened, frame, prompts.INVALID_CODE, MAX_ATTEMPTS - pending.tries)
            return True
        key, digest, who = prompt["key"], prompt["digest"], opened.principal.user
        right = self._codes().matches(prompt["content"]["code"], frame.code)
        left = MAX_ATTEMPTS - pending.tries - 1
        if not right and left > 0:
            if not self._requests.tried(session.box, job.ref, call=key, tries=pending.tries):
                return False
            self._refuse(opened, frame, prompts.INVALID_CODE, left)
            return True
        address = prompt["content"]["address"]
        answer = self._requests.decide(
            session.box,
            job.ref,
            call=key,
            digest=digest,
            what=VERIFIED if right else FAILED,
            who=who,
            tries=pending.tries,
            beside=[with_verified(session.id, address, now)] if right else [],
        )
        if answer == "refused":
            return False
        if right:
            self._accept(opened, frame)
        else:
            self._refuse(opened, frame, prompts.MAX_ATTEMPTS, 0)
        self._turns.wake(session.box)
        return True

    def _accept(self, opened: Connection, frame: frames.VerifyOtp) -> None:
        said = "Thank you. Your agent goes on."
        event = prompts.otp_verified(frame.request_id, said, at=self._clock.now())
        self._answers.event(opened.id, event)

    def _refuse(self, opened: Connection, frame: frames.VerifyOtp, reason: str, left: int) -> None:
        event = prompts.otp_invalid(
            frame.request_id, reason, left, _SAID[reason], at=self._clock.now()
        )
        self._answers.event(opened.id, event)
