"""Nothing that is too large for an item or a transaction breaks a turn or what comes after."""

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

from shared.conversations.items import meta_key
from shared.conversations.memory import summary_key
from shared.conversations.summaries import MAX_PART
from shared.conversations.summarising import MAX_PARTS
from shared.mailbox.jobs import message_key
from shared.models.port import Completed, TextDelta
from shared.runner.calls import MAX_CALLS
from shared.runner.history import estimate_tokens
from shared.storage.expressions import Assign
from shared.storage.table import Item, Put, Update
from tests.conversations.rig import at_rest, box, text_of
from tests.runner.said import COST, MadeTool, SaidModel, answer, use
from tests.wire.metered import Metered
from tests.wire.scene import Scene
from tests.wire.store_calls import Wire

SETTINGS = {"RATE_LIMIT_PER_MINUTE": "0", "RATE_LIMIT_PRINCIPAL_PER_MINUTE": "0"}
ITEM = 400 * 1024


def noise(size: int, seed: int = 0) -> str:
    """A text of so many bytes that compressing makes hardly smaller."""
    return random.Random(seed).randbytes(size // 2).hex()[:size]


def dense(size: int, seed: int = 0) -> str:
    """The same, of characters of three bytes that have as much to say as they can."""
    chosen = random.Random(seed)
    return "".join(chr(0x4E00 + chosen.randrange(20_000)) for _ in range(size // 3))


class Large:
    """A conversation with a model whose answers a test writes down."""

    def __init__(self, wire: Wire, folder: Path, **environ: str) -> None:
        self.metered = Metered(wire.table)
        self.folder, self.environ = folder, {**SETTINGS, **environ}
        self.begin()
        self.session = self.scene.session("c1")
        self.number = 0

    def begin(self) -> None:
        """A process that has seen nothing."""
        self.scene = Scene(self.metered, self.folder, **self.environ)
        self.scene.connect("c1")
        self.model = SaidModel()
        model: Any = self.model
        self.scene.deployment.model = model

    def equip(self, *tools: MadeTool) -> None:
        handler: Any = self.scene.deployment.turn_handler
        equip = handler._agents
        handler._agents = lambda *asked: replace(equip(*asked), tools=tools)

    def say(self, text: str = "Hi", *answers: Any) -> dict[str, Any]:
        """One turn; its terminal event."""
        self.number += 1
        self.model.answers += answers
        name = f"r{self.number}"
        assert self.scene.say("c1", self.session, name, text)["status"] == 202
        self.scene.work()
        assert at_rest(self.scene, self.session)
        return self.scene.events("c1", name)[-1]

    def listed(self) -> list[str]:
        """All that people are shown, the newest first."""
        texts: list[str] = []
        cursor = None
        while True:
            frame = {
                "sessionId": self.session,
                "limit": 50,
                **({"cursor": cursor} if cursor else {}),
            }
            data = self.scene.frame("c1", "get_conversation_messages", requestId="l", **frame)[
                "data"
            ]
            texts += [message["content"]["text"] for message in data["messages"]]
            cursor = data["nextCursor"]
            if cursor is None:
                return texts


def whole(text: str) -> list[Any]:
    """An answer in one piece, as tens of thousands of pieces would only take long."""
    return [TextDelta(text), Completed([{"type": "text", "text": text}], "end_turn", COST)]


def test_an_answer_that_is_larger_than_an_item(wire: Wire, tmp_path: Path) -> None:
    large = Large(wire, tmp_path, HISTORY_TOKEN_BUDGET="1000000")
    text = dense(3 * ITEM)
    end = large.say("Tell all", whole(text))
    assert end["type"] == "eventual_response"
    assert len(json.dumps(end)) < 128 * 1024 * 6
    assert text.startswith(text_of(end)[:1000])
    for cold in (False, True):
        if cold:
            large.begin()
        large.say("And?", answer("Yes."))
        assert large.model.last[1]["content"] == text
    assert [len(each) > 10_000 for each in large.listed()] == [False] * 4 + [True, False]


def test_arguments_of_megabytes_and_as_many_results_as_there_may_be(
    wire: Wire, tmp_path: Path
) -> None:
    large = Large(wire, tmp_path, HISTORY_TOKEN_BUDGET="1000000")
    found = dense(90_000, 1)
    large.equip(MadeTool("find", lambda **_: found), MadeTool("put", lambda **_: "put"))
    calls = [use("find", f"f{number}") for number in range(MAX_CALLS - 1)]
    huge = use("put", "p", text=noise(5_000_000))
    end = large.say("Go", answer("I look.", *calls, huge), answer("Done."))
    assert (end["type"], text_of(end)) == ("eventual_response", "I look.\n\nDone.")
    large.begin()
    large.say("And?", answer("Yes."))
    assert large.listed() == ["Yes.", "And?", "I look.\n\nDone.", "Go"]


def test_a_stop_of_as_many_calls_as_there_may_be(wire: Wire, tmp_path: Path) -> None:
    """Those that never began are noted with the end, in one transaction."""
    large = Large(wire, tmp_path, TITLE_MODEL="small")
    stopped: list[int] = []

    def first(**_: Any) -> str:
        ref = f"TURN#{large.session}#r1"
        large.scene.deployment.requests.cancel(box(large.scene, large.session), ref, who="ann")
        stopped.append(1)
        return "found"

    large.equip(MadeTool("alone", first, parallel=False))
    calls = [
        use("alone", f"x{number}", text=noise(200_000, number)) for number in range(2 * MAX_CALLS)
    ]
    end = large.say("Go", answer("I look.", *calls))
    assert (end["type"], stopped) == ("cancelled", [1])
    large.begin()
    assert large.say("And?", answer("Yes."))["type"] == "eventual_response"


def test_a_conversation_of_20_megabytes(wire: Wire, tmp_path: Path) -> None:
    """Its turns, its pages and its summary, each with bounded reads."""
    large = Large(wire, tmp_path)
    key = box(large.scene, large.session)
    sizes = [1_000_000 if number % 5 == 1 else 40_000 for number in range(100)]
    log = [
        {
            "id": f"01900000-0000-7000-8000-{number:012d}",
            "role": "assistant" if number % 2 else "user",
            "text": f"M{number} {noise(size, number)}",
            "at": number,
            "turn": "t",
        }
        for number, size in enumerate(sizes)
    ]
    assert sum(sizes) > 20_000_000
    table = large.scene.deployment.table
    for number, message in enumerate(log):
        table.write([Put(Item(message_key(key, number), {"by": "t"}, message))])
    weight = sum(map(estimate_tokens, log))
    counts = {"count": len(log), "messages": len(log), "weight": weight}
    table.write([Update(meta_key(key), [Assign((n,), v) for n, v in counts.items()])])

    large.begin()
    # What is too much for one request is put in the summary by several.
    large.model.answers = [answer("Yes."), *(answer(f"Summary {n}.") for n in range(MAX_PARTS))]
    large.metered.trips.clear()
    assert text_of(large.say("And?")) == "Yes."
    (history,) = [trip for trip in large.metered.trips if trip.name == "query"]
    assert history.read < 2_000_000
    told = sum(len(str(message["content"])) for message in large.model.last)
    assert 40_000 < told < 450_000

    large.metered.trips.clear()
    large.scene.work()
    assert len(large.metered.trips) < 20
    item = table.get([summary_key(key)])[0]
    assert item is not None
    assert len(log) - 12 < item.attrs["upto"] <= len(log)
    assert (item.body or {})["text"].startswith("Summary")
    sent = [json.dumps(list(request.messages)) for request in large.model.requests[1:]]
    assert 1 < len(sent) <= MAX_PARTS
    assert max(map(len, sent)) < MAX_PART + 50_000
    assert [f"M{number} " in "".join(sent) for number in (0, 41, 80)] == [True] * 3

    large.begin()
    large.metered.trips.clear()
    assert text_of(large.say("And now?", answer("Still."))) == "Still."
    assert [trip.name for trip in large.metered.trips].count("query") == 1
    assert "Summary" in str(large.model.last[0]["content"])
    back = {"sessionId": large.session, "requestId": "r2", "received": 0}
    assert large.scene.frame("c1", "resume_turn", **back)["type"] == "eventual_response"
    texts = large.listed()
    assert texts[:4] == ["Still.", "And now?", "Yes.", "And?"]
    assert sum(text.startswith("M") for text in texts) == len(log)
