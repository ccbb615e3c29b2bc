"""A code that was sent to the user is asked for."""

import pytest

from shared.cli.chat.events import Finished, Unattended
from shared.protocol import prompts
from tests.cli.chat.chatting import chatting
from tests.cli.chat.person import Step, asking, lines, notices
from tests.cli.chat.prompting import Pending
from tests.cli.chat.scripted_server import AT, Frame, Peer, ScriptedServer


class Codes:
    """A server whose turns wait for the code 123456; `refusal` is what it says of others."""

    def __init__(self, refusal: str = prompts.INVALID_CODE, left: int = 2) -> None:
        self.turn = Pending()
        self._refusal = refusal
        self._left = left
        self.server = ScriptedServer(send_message=self._send, verify_otp=self._verify)

    def _send(self, peer: Peer, frame: Frame) -> None:
        self.turn.begin(peer, frame)
        self.turn.code()

    def _verify(self, peer: Peer, frame: Frame) -> None:
        request = frame["requestId"]
        if frame["code"] == "123456":
            peer.send(prompts.otp_verified(request, "Thank\x07 you.", at=AT))
            self.turn.decided_elsewhere()
            return
        about = (request, self._refusal, self._left, "That is not it.")
        peer.send(prompts.otp_invalid(*about, at=AT))
        if self._refusal != prompts.INVALID_CODE or self._left == 0:
            self.turn.decided_elsewhere()


def entered(codes: Codes, *steps: Step) -> tuple[list[Frame], list[str], list[str], int]:
    """The frames, the lines and the notices, and how many questions appeared."""
    with asking(codes.server, *steps) as (session, person, _):
        said = list(session.say("Pay it"))
    assert isinstance(said[-1], Finished)
    sent = [each for each in codes.server.arrived() if each["action"] == "verify_otp"]
    return sent, lines(said), notices(said), len(person.asked)


def stand() -> None:
    """The question stands until the code has been sent."""


def test_a_wrong_code_and_the_right_one() -> None:
    codes = Codes()
    sent, told, noted, _ = entered(codes, stand, "000000", " 123-456 ")

    assert [(each["code"], each["sessionId"]) for each in sent] == [
        ("000000", "session of fresh"),
        ("123456", "session of fresh"),
    ]
    assert len({codes.turn.id, *(each["requestId"] for each in sent)}) == 3
    assert "Pay it" in told[0]
    assert "That is not it. Tries left: 2." in told
    assert noted == ["A code was sent to a***@x.org.", "Thank you."]


@pytest.mark.parametrize(
    ("refusal", "left"),
    [
        (prompts.MAX_ATTEMPTS, 0),
        (prompts.EXPIRED, 2),
        (prompts.NOT_FOUND, 2),
        (prompts.INVALID_CODE, 0),
    ],
)
def test_a_code_that_cannot_be_tried_again(refusal: str, left: int) -> None:
    sent, _, noted, asked = entered(Codes(refusal, left), stand, "000000")

    assert len(sent) == 1
    assert noted[1] == "That is not it."
    assert asked == 2


@pytest.mark.parametrize("typed", ["", " - ", None])
def test_nothing_gives_up_asking_and_the_turn_goes_on(typed: str | None) -> None:
    codes = Codes()
    with asking(codes.server, stand, typed) as (session, person, _):
        said = []
        for event in session.say("Pay it"):
            said.append(event)
            if "No code" in "".join(notices([event])):
                codes.turn.decided_elsewhere()

    assert isinstance(said[-1], Finished)
    assert [each["action"] for each in codes.server.arrived()].count("verify_otp") == 0
    assert len(person.asked) == 2


def test_a_code_that_is_too_long_is_not_sent() -> None:
    sent, _, _, _ = entered(Codes(), stand, "1" * 33, "123456")

    assert [each["code"] for each in sent] == ["123456"]


def test_a_code_that_was_asked_for_while_nobody_was_connected() -> None:
    def send(peer: Peer, frame: Frame) -> None:
        codes.turn.begin(peer, frame)
        sent.append(frame)
        if len(sent) == 1:
            peer.hang_up()

    def resume(peer: Peer, frame: Frame) -> None:
        turn = codes.turn
        prompt = prompts.otp_verification_required(turn.id, "pay", "Pay it", at=AT)
        place = {"channel": "email", "maskedDestination": "a***@x.org"}
        turn.back(peer, frame, "awaiting_input", prompt={**prompt, "sent": place})

    sent: list[Frame] = []
    codes = Codes()
    codes.server.handle("send_message", send)
    codes.server.handle("resume_turn", resume)
    frames, _, noted, _ = entered(codes, "123456")

    assert [each["code"] for each in frames] == ["123456"]
    assert "A code was sent to a***@x.org." in noted


def test_nobody_to_ask_ends_the_waiting() -> None:
    codes = Codes()
    with chatting(codes.server) as (session, _):
        said = list(session.say("Pay it"))

    assert said[-1] == Unattended("Pay it", "", conversation="fresh")
