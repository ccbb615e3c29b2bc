"""Frames to play: valid ones of every action, and what goes wrong with them.

A frame is JSON text in which `${own}`, `${second}`, `${latest}`, `${foreign}` and the same with
`:conversation` stand for ids that only the stage knows; so do `${approval}`, `${form}` and
`${code}` for what the client was asked last.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, get_args

from hypothesis import strategies as st
from pydantic.alias_generators import to_camel

from shared.protocol.frames import BaseFrame, Frame, SendMessage
from tests.fuzz.people import CALLS

MODELS: tuple[type[BaseFrame], ...] = get_args(Frame)

SESSIONS = (
    "${own}",
    "${second}",
    "${latest}",
    "${foreign}",
    "0191f3a4-0000-7000-8000-00000000000a",
)
CONVERSATIONS = ("${own:conversation}", "${foreign:conversation}", SESSIONS[-1])
_WORDS = st.sampled_from(
    [
        *("Hi", "Hi", "Hi", "Hi", "fail", "burst", "crash", "think", "half", "Ünï 漢 😀"),
        *(*CALLS, *CALLS),
    ]
)

_PICTURES = [
    {"url": "data:image/gif;base64,R0lGODlh", "detail": "low"},
    {"url": "data:image/png;base64,AAAA"},
    {"url": "https://127.0.0.1/a.png"},
]
_FILES = [
    {"name": "../a.txt", "mimeType": "text/plain", "url": "data:text/plain;base64,SGk="},
    {"name": "a.txt", "url": "data:;base64,SGk="},
]

GOOD: Mapping[str, st.SearchStrategy[Any]] = {
    "requestId": st.sampled_from(["q1", "q1", "q1", "q2", "q2", "q3", "a#b/c", "ü" * 64]),
    "sessionId": st.sampled_from([SESSIONS[0]] * 6 + [SESSIONS[1]] * 2 + list(SESSIONS)),
    "conversationId": st.sampled_from(CONVERSATIONS),
    "message": _WORDS,
    "images": st.sampled_from([_PICTURES, _PICTURES[:1], [], None, [{"url": "x"}], [{}], {}]),
    "files": st.sampled_from([_FILES, [], None, [{"name": "a"}], "a"]),
    "stream": st.booleans(),
    "model": st.sampled_from(["large", "small", "unknown"]),
    "skill": st.sampled_from(["kind", "served", "missing"]),
    "agentId": st.just("assistant") | st.just("nobody"),
    "userName": st.sampled_from(["Ann", "", None]),
    "userEmail": st.sampled_from(["ann@example.com", "no address", 5]),
    "supports": st.lists(st.sampled_from(["stream_truncate", "identity_form", "x"]), max_size=3),
    "metadata": st.just({"a": [1, {"b": None}]}) | st.just({}),
    "dynamicVariables": st.sampled_from(
        [{"customer": "Ann"}, {"customer": "</variable>{{customer}}"}, {}, None, {"unknown": ""}]
    ),
    "overrides": st.sampled_from(
        [{"language": "de"}, {"model": "large"}, {}, None, {"greeting": "Hi"}, {"name": "x"}]
    ),
    "browserFingerprint": st.just("f" * 20),
    "limit": st.sampled_from([1, 2, 50, 100]),
    "cursor": st.sampled_from(["bTE", "bTA", "d3gt", "", "!"]),
    "before": st.sampled_from(["bTM", "x"]),
    "query": st.sampled_from(["hi", "", "%", "\\"]),
    "title": st.sampled_from(["A title", "  # *x* ", '"']),
    "received": st.sampled_from([0, 0, 0, 1, 5, 10**6]),
    "token": st.sampled_from(["a.b.c", "é"]),
    "ticket": st.sampled_from(["t" * 43, "short"]),
    "approved": st.booleans(),
    "approvalId": st.sampled_from(
        ["${approval}", "${approval}", "${approval}", "${form}", "none", ""]
    ),
    "note": st.sampled_from(["Too much.", "", " Ünï\n "]),
    "interactionId": st.sampled_from(["${form}", "${form}", "${form}", "${approval}", "none"]),
    "kind": st.sampled_from(["identity_intake", "identity_intake", "identity_intake", "choices"]),
    "values": st.sampled_from([{"email": "ann@example.org"}, {"email": "nobody"}, {}, {"a": [1]}]),
    "declined": st.sampled_from([False, False, True]),
    "code": st.sampled_from(["${code}", "${code}", "000000", "", "12 34 56"]),
    "authContext": st.none()
    | st.just({"userId": "ann", "timestamp": 1_700_000_000, "signature": "0" * 64}),
}
"""Values for the fields of all frames, by their names on the wire; good ones, mostly."""


def fields_of(model: type[BaseFrame]) -> dict[str, bool]:
    """The names of a frame's fields on the wire, and whether each is required."""
    return {
        info.alias or to_camel(name): info.is_required()
        for name, info in model.model_fields.items()
    }


_ANSWERS = tuple(model for model in MODELS if model.answers)
_CHOICE: tuple[type[BaseFrame], ...] = (
    *MODELS,
    *_ANSWERS * 3,
    *(SendMessage,) * (len(MODELS) + 3 * len(_ANSWERS)),
)


@st.composite
def good_frames(draw: st.DrawFn) -> dict[str, Any]:
    """A frame of any action, every other one a message, with some of its optional fields."""
    model = draw(st.sampled_from(_CHOICE))
    left_out = draw(st.integers(0, 255))
    frame: dict[str, Any] = {"action": model.action}
    for number, (name, required) in enumerate(fields_of(model).items()):
        # The frame should be answered as a rule, so it keeps its id.
        if required or name == "requestId" or left_out >> number & 1:
            frame[name] = draw(GOOD[name])
    return frame


_LATER = sorted({name for model in MODELS for name in model.later})
_NAMES = st.sampled_from(["action", *GOOD, *_LATER, "unknown", "", "data", "type", "request_id"])
_ACTIONS = st.sampled_from(
    [*(model.action for model in MODELS), "PING", " ping", "verify", "interrupt"]
)


def _deep(opening: str, closing: str, depth: int) -> str:
    return opening * depth + "1" + closing * depth


LONG: Mapping[str, str] = {
    "x129": "x" * 129,
    "x10001": "x" * 10_001,
    "cjk": "漢" * 20_000,
    "y140000": "y" * 140_000,
    "lists": "[" * 50_000,
    "objects": '{"a":' * 20_000,
}
"""Texts too long to be printed with a failure: a frame has `${long name}` in their place."""

RAW: Mapping[str, str] = {
    **{token: token for token in ("1e400", "-1e400", "NaN", "-Infinity", "-0", "1e5", "01", "tru")},
    **{f"digits {count}": "9" * count for count in (20, 400, 4500)},
    **{f"list {depth}": _deep("[", "]", depth) for depth in (3, 30, 31, 40, 3000)},
    **{f"object {depth}": _deep('{"a":', "}", depth) for depth in (3, 30, 31, 40, 3000)},
    "long list": f"[{'0,' * 4_000}0]",
    "long object": json.dumps({str(number): number for number in range(1000)}),
}
"""JSON that Python's encoder does not write, or that is long: for `"${raw name}"`, quotes too."""

_HUGE = st.sampled_from(["${long y140000}", "${raw long list}", "${raw long object}"])
_TOKENS = st.sampled_from([f"${{raw {name}}}" for name in RAW if not name.startswith("long")])


def expanded(text: str) -> str:
    """The text with what stands for something else in it; ids are the stage's."""
    text = re.sub(r'"\$\{raw ([^}]*)\}"', lambda found: RAW[found[1]], text)
    return re.sub(r"\$\{long (\w+)\}", lambda found: LONG[found[1]], text)


_TEXTS = st.sampled_from(
    [
        *("", " ", "\u0000", "q\u0000", "\ud800", "x\udfff", "\u202e", "\ufeff", "\x7f", "\n"),
        *("${long x129}", "${long x10001}", "${long cjk}", "null", "../../etc/passwd", "${own}/x"),
        *("%s{0}", "'; DROP TABLE items; --", "#" * 10, "MSG#1", "\uff21\uff22", "0" * 36),
    ]
)
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | _TEXTS
    | _TOKENS
    | st.text(max_size=12)
)
_VALUES = _SCALARS | st.sampled_from([[], {}, [[]], {"": None}])
ANYTHING = st.recursive(
    _VALUES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_NAMES, inner, max_size=4),
    max_leaves=5,
)


Change = Callable[[st.DrawFn, dict[str, Any]], dict[str, Any]]


def _dropped(draw: st.DrawFn, frame: dict[str, Any]) -> dict[str, Any]:
    name = draw(st.sampled_from(sorted(frame)))
    return {key: value for key, value in frame.items() if key != name}


def _retyped(draw: st.DrawFn, frame: dict[str, Any]) -> dict[str, Any]:
    return {**frame, draw(st.sampled_from(sorted(frame))): draw(_VALUES)}


def _nested(draw: st.DrawFn, frame: dict[str, Any]) -> dict[str, Any]:
    name = draw(st.sampled_from(sorted(frame)))
    return {**frame, name: draw(st.sampled_from([[frame[name]], {name: frame[name]}, frame]))}


def _added(draw: st.DrawFn, frame: dict[str, Any]) -> dict[str, Any]:
    return {**frame, draw(_NAMES): draw(ANYTHING)}


def _renamed(draw: st.DrawFn, frame: dict[str, Any]) -> dict[str, Any]:
    return {**frame, "action": draw(_ACTIONS)}


def _huge(draw: st.DrawFn, frame: dict[str, Any]) -> dict[str, Any]:
    return {**frame, draw(st.sampled_from(sorted(frame))): draw(_HUGE)}


CHANGES: tuple[Change, ...] = (_retyped, _retyped, _dropped, _nested, _added, _renamed, _huge)


@st.composite
def mutated_frames(draw: st.DrawFn) -> str:
    """A valid frame in which one or two things went wrong."""
    frame = draw(good_frames())
    for change in draw(st.lists(st.sampled_from(CHANGES), min_size=1, max_size=2)):
        frame = change(draw, frame) if frame else frame
    return json.dumps(frame)


@st.composite
def mangled_frames(draw: st.DrawFn) -> str:
    """The text of a valid frame, damaged."""
    text = json.dumps(draw(good_frames()))
    at = draw(st.integers(0, len(text)))
    match draw(st.sampled_from(["cut", "doubled", "put in", "again", "replaced"])):
        case "cut":
            return text[:at]
        case "doubled":
            # Names that stand there twice.
            return f"{text[:-1]}, {json.dumps(draw(good_frames()))[1:]}"
        case "put in":
            return text[:at] + draw(st.text(min_size=1, max_size=3)) + text[at:]
        case "again":
            return text + draw(st.sampled_from(["", " ", "\n", ","])) + text
    return text[:at] + draw(st.sampled_from('{}[]",:\\0 \t\x00é')) + text[at + 1 :]


any_text = st.text(st.characters(codec="utf-8"), max_size=80) | st.sampled_from(
    [
        "",
        " ",
        "null",
        "[]",
        "{}",
        "0",
        '"x"',
        "\ufeff{}",
        "${long lists}",
        "${long objects}",
        "{}{}",
    ]
)
any_json = ANYTHING.map(json.dumps)
valid_frames = good_frames().map(json.dumps)
