"""Whatever clients send: answers in the protocol's shapes, one end for each turn, and then rest."""

import base64
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import frames
from tests.fuzz.extent import BATCH, FRAMES, USUAL, extent
from tests.fuzz.stage import Stage
from tests.scenarios.judge import Judge

log = logging.getLogger("parley")

_BASE64 = st.binary(max_size=40).map(lambda data: base64.b64encode(data).decode())
_SOURCES: dict[str, st.SearchStrategy[str]] = {
    "valid": frames.valid_frames,
    "mutated": frames.mutated_frames(),
    "mangled": frames.mangled_frames(),
    "json": frames.any_json,
    "text": frames.any_text,
    "binary": _BASE64,
}
_WEIGHTS = {
    "noise": ["json", "text", "binary", "mangled", "valid"],
    "mutations": ["mutated"] * 5 + ["valid"],
    "conversations": ["valid"] * 8 + ["mutated"],
    "comings and goings": ["valid"] * 8 + ["mutated"],
}
_INTERLUDES = {
    "conversations": ["", "work"],
    "comings and goings": ["", "", "", "", "", "work", "leave"],
}
_WHO = st.sampled_from(["ann", "ann", "ann", "bob", "ann-too"])


_MUST_COME = {
    *("eventual_response", "cancelled", "duplicate", "pong", "stream_token", "stream_reasoning"),
    *("MODEL_OVERLOADED", "LLM_UNAVAILABLE", "INTERNAL_ERROR", "SESSION_BACKLOG_FULL"),
    *("SESSION_NOT_FOUND", "CONVERSATION_NOT_FOUND", "AGENT_NOT_FOUND", "SKILL_NOT_FOUND"),
    *("VALIDATION_ERROR", "UNSUPPORTED_ACTION"),
    *("write_confirmation_required", "interaction_required"),
    *("otp_verification_required", "otp_sent", "otp_verified", "otp_invalid"),
    "NO_PENDING_CONFIRMATION",
    *("NO_PENDING_INTERACTION", "INTERACTION_MISMATCH"),
}


class Played(NamedTuple):
    """A frame, and what happens before it."""

    who: str
    source: str
    text: str
    before: str = ""


def batches(kind: str) -> st.SearchStrategy[list[Played]]:
    def frame(source: str) -> st.SearchStrategy[Played]:
        before = st.sampled_from(_INTERLUDES.get(kind, [""]))
        return st.builds(Played, _WHO, st.just(source), _SOURCES[source], before)

    one = st.sampled_from(_WEIGHTS[kind]).flatmap(frame)
    return st.lists(one, min_size=BATCH, max_size=BATCH)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    # What is logged is the matter of tests/privacy, and takes longer than all the rest.
    log.disabled = True
    made = Stage(Path(tmp_path_factory.mktemp("stage")))
    yield made
    made.close()
    log.disabled = False
    judge = Judge()
    judge.add("fuzz", made.samples.values())
    assert judge.verdict() == [], "the published client would drop these"


def test_every_field_of_every_action_has_values_to_try() -> None:
    assert {name for model in frames.MODELS for name in frames.fields_of(model)} == set(frames.GOOD)


@pytest.mark.parametrize("kind", _WEIGHTS)
def test_frames(stage: Stage, kind: str) -> None:
    before = stage.frames

    @extent(USUAL // BATCH // len(_WEIGHTS))
    @given(batches(kind))
    def played(batch: list[Played]) -> None:
        stage.begin()
        for who, source, text, interlude in batch:
            if interlude == "work":
                stage.work()
            elif interlude == "leave":
                stage.leave(who)
            stage.send(who, text, binary=source == "binary")
        stage.end()

    run: Callable[[], Any] = played
    run()
    assert stage.frames - before >= FRAMES // len(_WEIGHTS)
    if kind == "conversations" and FRAMES >= USUAL:
        missing = {code for code in _MUST_COME if not stage.tally[code]}
        assert missing == set(), "the frames do not try enough"
