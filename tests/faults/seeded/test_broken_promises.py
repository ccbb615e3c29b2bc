"""The audit finds what it is there for: a promise about decisions is broken on purpose here."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared.conversations import confirming
from shared.conversations.endings import Endings
from shared.mailbox.requests import Requests
from shared.runner.waits import Waits
from tests.faults.seeded.calm import Calm, calm
from tests.faults.seeded.client import Client
from tests.faults.seeded.following import Following
from tests.faults.seeded.model import FORM, Plan
from tests.faults.seeded.prompts import Prompt, chosen

ONE = Plan([["refund"]], tokens=5, pace=0.0)
TWO = Plan([["refund", "refund"]], tokens=5, pace=0.0, seconds=0.05)


def approves(client: Client) -> Callable[[Prompt], None]:
    return lambda prompt: (client.confirm(prompt, approved=True), None)[1]


def ended(scene: Calm, plan: Plan) -> Following:
    turn = scene.send("q0", plan)
    scene.until(lambda: turn.terminal is not None)
    scene.pass_time(60.0)
    return turn


def test_a_turn_with_approvals_and_a_form(tmp_path: Path) -> None:
    """Nothing is broken: so what is found below is what was broken."""
    with calm(0, tmp_path) as scene:
        client = scene.client

        def answer(prompt: Prompt) -> None:
            if prompt.kind == "approval":
                client.confirm(prompt, approved=len(client.answered) != 1)
            else:
                client.submit(prompt, chosen("Two"))

        client.on_prompt = answer
        ended(scene, Plan([["refund", "check"], ["look", FORM]], tokens=5, pace=0.0))
        diary = scene.world.diary
        whats = [each.decision["what"] for each in diary.decided]
        assert whats == ["approved", "denied", "submitted"]
        assert len(diary.approved_runs) == 1
        assert scene.audit().all() == []


def test_a_tool_that_nobody_has_approved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Waits, "concerns", lambda *_: False)
    monkeypatch.setattr(Waits, "digest", lambda *_: None)
    with calm(0, tmp_path) as scene:
        ended(scene, ONE)
        assert any("approved at None" in each for each in scene.audit().all())


def test_a_tool_that_was_denied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Waits, "digest", lambda *_: None)
    outcome = Waits.outcome
    monkeypatch.setattr(Waits, "outcome", lambda *given: (outcome(*given), None)[1])
    with calm(0, tmp_path) as scene:
        client = scene.client
        client.on_prompt = lambda prompt: (client.confirm(prompt, approved=False), None)[1]
        ended(scene, ONE)
        found = scene.audit().all()
        assert any("approved at None" in each for each in found)
        assert any("denied, and the model was told 'done'" in each for each in found)


def test_an_approval_that_waits_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Endings, "_withdrawn", lambda *_: [])
    with calm(0, tmp_path) as scene:
        turn = scene.send("q0", ONE)
        scene.until(lambda: bool(scene.client.prompts))
        scene.client.cancel(turn)
        scene.until(lambda: turn.terminal is not None)
        scene.pass_time(60.0)
        assert any("kept as None" in each for each in scene.audit().all())


def test_a_client_that_is_told_of_what_it_has_not_decided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide = Requests.decide

    def flattering(*given: Any, **more: Any) -> str:
        answer = decide(*given, **more)
        return "same" if answer == "refused" else answer

    monkeypatch.setattr(Requests, "decide", flattering)
    with calm(0, tmp_path) as scene:
        client = scene.client

        def both(prompt: Prompt) -> None:
            client.confirm(prompt, approved=True)
            client.confirm(prompt, approved=False)

        client.on_prompt = both
        ended(scene, ONE)
        assert any("was answered" in each for each in scene.audit().all())


@pytest.mark.parametrize("seen", [1000, 0])
def test_a_second_click_that_decides_the_next_call(
    seen: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confirming, "SEEN", seen)
    with calm(0, tmp_path) as scene:
        client = scene.client

        def clicks(prompt: Prompt) -> None:
            client.on_prompt = lambda _: None
            for after in (0.0, 0.6):
                scene.world.after(after, lambda: client.confirm(prompt, approved=True, bare=True))

        client.on_prompt = clicks
        ended(scene, TWO)
        found = [each for each in scene.audit().all() if "noted as shown" in each]
        assert bool(found) == (seen == 0)
        assert len(scene.world.diary.approved_runs) == (1 if seen else 2)


def test_a_decision_of_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.conversations.approvals.may", lambda *_: True)
    with calm(0, tmp_path) as scene:
        bob = Client(scene.world, "bob", truncates=True)
        scene.clients.append(bob)
        scene.join(bob, scene.conversation)
        # A session of the conversation, which bob cannot have, so that only this wall is down.
        scene.client.on_prompt = approves(bob)
        ended(scene, ONE)
        assert any("approved by 'bob'" in each for each in scene.audit().all())
