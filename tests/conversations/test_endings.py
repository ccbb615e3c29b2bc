"""How turns end: the event, the log, the counters and the callback, and what fits where."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.conversations.endings import Endings
from shared.conversations.items import meta_key, turn_id
from shared.conversations.notices import Notices
from shared.conversations.titles import Titling, title_box
from shared.errors import AgentNotUsable, ConfigurationError, NotFound, TurnFailed
from shared.mailbox.box import BoxKey
from shared.mailbox.deliveries import KIND
from shared.mailbox.jobs import Ending
from shared.models.port import ModelError, Usage
from shared.protocol import events
from shared.runner.citations import cited
from shared.runner.events import Reply
from shared.tools.directives import gathered, send_file
from tests.conversations.pieces import Pieces, pieces_in

COST = Usage(
    input_tokens=100,
    output_tokens=20,
    cache_read_tokens=7,
    cache_write_tokens=3,
    cost_nano_usd=1_500_000,
)
WIRE_COST = {"promptTokens": 110, "completionTokens": 20, "costUsd": 0.0015}
URL = "https://hooks.example/parley"


@pytest.fixture
def pieces(tmp_path: Path) -> Iterator[Pieces]:
    with pieces_in(tmp_path) as made:
        yield made


def reply(text: str) -> Reply:
    return Reply(text=text, said=text, usage=COST, stop_reason="end_turn")


def answer_of(ending: Ending) -> Any:
    return json.loads(ending.terminal)["data"]["data"]


def text_of(ending: Ending) -> str:
    (text,) = answer_of(ending)["response"]["responseParts"]
    return str(text)


def delivered(pieces: Pieces, conversation: str) -> list[dict[str, Any]]:
    """The callbacks that wait to be sent: their URLs and bodies."""
    box = BoxKey(KIND, "acme", conversation)
    item = pieces.table.get([box.item])[0]
    refs = item.attrs["jobs"] if item else []
    found = [pieces.item(box.job(ref)).body or {} for ref in refs]
    return [{**body["payload"], "body": json.loads(body["payload"]["body"])} for body in found]


def test_a_completed_turn_writes_question_and_answer(pieces: Pieces) -> None:
    session = pieces.session()
    job = pieces.ask(session, "r1", "How?")
    lease = pieces.take(session)
    ending = pieces.endings.completed(job, reply("Like this."))
    done = pieces.end(lease, job, ending)

    question, answer = pieces.log(session)
    assert (question["role"], question["text"], question["turn"]) == ("user", "How?", job.ref)
    assert (answer["role"], answer["text"], answer["turn"]) == ("assistant", "Like this.", job.ref)
    assert question["id"] == job.payload["message_id"]
    assert answer_of(ending)["messageId"] == answer["id"]
    assert answer_of(ending)["usage"] == WIRE_COST
    assert done.terminal == ending.terminal
    assert (done.outcome, done.body["result"]["text"]) == ("completed", "Like this.")
    meta = pieces.item(meta_key(session.box))
    assert (meta.attrs["count"], meta.attrs["owned_by"]) == (2, "CONV#acme#anna")


@pytest.mark.parametrize("character", ["x", '"', "\\", "\n", "\x00", "é", "漢", "🦉"])
def test_the_event_of_an_oversized_text_fits_and_the_log_has_it_whole(
    pieces: Pieces, character: str
) -> None:
    text = character * 150_000
    session = pieces.session()
    job = pieces.ask(session, "r" * 128)
    lease = pieces.take(session)
    ending = pieces.endings.completed(job, reply(text))
    pieces.end(lease, job, ending)

    assert len(ending.terminal.encode()) <= events.MAX_EVENT_BYTES
    assert text_of(ending).endswith(f"{character}…")
    assert text.startswith(text_of(ending)[:-1])
    assert pieces.log(session)[1]["text"] == text


def test_a_text_that_just_fits_is_not_shortened(pieces: Pieces) -> None:
    job = pieces.ask(pieces.session(), "r1")
    for text in ("x" * 100 * 1024, ""):
        parts = answer_of(pieces.endings.completed(job, reply(text)))["response"]
        assert "".join(parts["responseParts"]) == text


@pytest.mark.parametrize(
    ("fault", "code", "retryable"),
    [
        (ModelError("Overloaded.", code="MODEL_OVERLOADED", retryable=True), None, True),
        (ModelError("Too long.", code="CONTEXT_TOO_LONG"), None, False),
        (TurnFailed("No money.", code="BUDGET_EXCEEDED"), None, False),
        (NotFound("No such agent.", code="AGENT_NOT_FOUND"), None, False),
        (ConfigurationError("agents/a.yaml, line 3: bad."), "INTERNAL_ERROR", True),
        (AgentNotUsable("agents/a.yaml, line 3: bad."), "AGENT_NOT_USABLE", False),
        (None, "INTERNAL_ERROR", True),
        (RuntimeError("the password is hunter2"), "INTERNAL_ERROR", True),
    ],
)
def test_a_failed_turn_says_its_code_and_whether_to_try_again(
    pieces: Pieces, fault: Any, code: str | None, retryable: bool
) -> None:
    session = pieces.session()
    job = pieces.ask(session, "r1", "How?", URL)
    lease = pieces.take(session)
    ending = pieces.endings.failed(job, fault, COST)
    done = pieces.end(lease, job, ending)

    expected = code or fault.error_code
    event = json.loads(ending.terminal)
    assert (event["type"], event["requestId"]) == ("error", "r1")
    assert event["error"]["code"] == event["data"]["error"]["code"] == expected
    assert event["data"]["details"]["retryable"] is retryable
    told = done.body["result"]["error"]
    assert (told["code"], told["retryable"]) == (expected, retryable)
    assert [entry["text"] for entry in pieces.log(session)] == ["How?"]
    (callback,) = delivered(pieces, session.conversation)
    assert (callback["body"]["status"], callback["body"]["error"]) == ("failed", told)
    assert not any(
        secret in ending.terminal + json.dumps(callback) for secret in ("hunter2", "a.yaml")
    )


def test_the_details_of_a_fault_are_kept_beside(pieces: Pieces) -> None:
    job = pieces.ask(pieces.session(), "r1")
    fault = TurnFailed("Try later.", retryable=True, details={"retryAfter": 5})

    event = json.loads(pieces.endings.failed(job, fault, Usage()).terminal)

    assert event["data"]["details"] == {"retryAfter": 5, "retryable": True}


@pytest.mark.parametrize("at_head", [True, False])
def test_a_stopped_turn_says_no_more_than_that(pieces: Pieces, at_head: bool) -> None:
    job = pieces.ask(pieces.session(), "r1", "How?")
    ending = pieces.endings.cancelled(job, COST, at_head=at_head)

    event = json.loads(ending.terminal)
    assert (event["type"], event["status"]) == ("cancelled", 499)
    assert ending.outcome == "cancelled"
    assert [entry["text"] for entry in ending.log] == (["How?"] if at_head else [])


def test_without_a_url_nobody_is_called_back(pieces: Pieces) -> None:
    session = pieces.session()
    job = pieces.ask(session, "r1")
    endings = [
        pieces.endings.completed(job, reply("Yes.")),
        pieces.endings.failed(job, None, COST),
        pieces.endings.cancelled(job, COST, at_head=True),
    ]
    pieces.end(pieces.take(session), job, endings[0])

    assert [list(ending.wakes) for ending in endings] == [[], [], []]
    assert delivered(pieces, session.conversation) == []


def test_with_a_url_the_callback_is_written_with_the_end(pieces: Pieces) -> None:
    session = pieces.session()
    job = pieces.ask(session, "r1", "How?", URL)
    ending = pieces.endings.completed(job, reply("Süß 🦉"))
    assert delivered(pieces, session.conversation) == []
    pieces.end(pieces.take(session), job, ending)

    (callback,) = delivered(pieces, session.conversation)
    assert callback["url"] == URL
    assert callback["body"] == {
        "turn_id": turn_id(session.conversation, job.ref),
        "session_id": session.id,
        "status": "completed",
        "text": "Süß 🦉",
        "usage": WIRE_COST,
    }
    assert list(ending.wakes) == [BoxKey(KIND, "acme", session.conversation)]


def test_every_end_counts_one_turn_and_what_it_cost(pieces: Pieces) -> None:
    session = pieces.session()
    jobs = [pieces.ask(session, f"r{number}") for number in range(3)]
    lease = pieces.take(session)
    for number in range(3):
        job = pieces.job(session, jobs[number].ref)
        ending = [
            pieces.endings.completed(job, reply("Yes.")),
            pieces.endings.failed(job, None, COST),
            pieces.endings.cancelled(job, COST, at_head=True),
        ][number]
        pieces.end(lease, job, ending)
        pieces.pop(lease)

    counters = [item for item in pieces.table.get(pieces.ledger.keys("acme")) if item]
    assert sum(item.attrs["turns"] for item in counters) == 3
    assert sum(item.attrs["cost"] for item in counters) == 3 * 1_500_000
    assert len(pieces.log(session)) == 4


def test_what_goes_with_a_long_answer_leaves_room_in_the_event(pieces: Pieces) -> None:
    """However much the calls of a turn have left for its end."""
    session = pieces.session()
    job = pieces.ask(session, "r1", "How?")
    cite = {"title": "é" * 256, "url": "https://e.com/" + "a" * 2000, "snippet": "é" * 280}
    found = cited({"id": f"{number}{'é' * 300}", **cite, "score": 1.0} for number in range(20))
    file = {"mimeType": "text/plain", "url": "data:," + "a" * 15_000}
    sent = gathered(send_file([{"name": f"{number}.txt", **file}]) for number in range(20))
    assert sent is not None
    assert (len(found), len(sent["files"])) == (6, 3)
    assert sent["files"][-1]["name"] == "19.txt"
    long = replace(reply("é\n" * 80_000), citations=found, directive=sent, escalation="é" * 1000)
    ending = pieces.endings.completed(job, long)
    assert len(ending.terminal.encode()) <= events.MAX_EVENT_BYTES
    told = answer_of(ending)
    assert (told["citations"], told["directive"]) == ([dict(each) for each in found], sent)
    assert len(text_of(ending)) > 8_000
    assert ending.log[-1]["text"] == long.text


def test_the_first_answer_asks_for_a_title_once(pieces: Pieces) -> None:
    titling = Titling(pieces.clock, pieces.requests)
    notices = Notices(pieces.clock, pieces.requests, followers=[titling])
    endings = Endings(pieces.clock, pieces.ledger, notices)
    session = pieces.session()
    wanted = []
    for number in range(3):
        job = pieces.ask(session, f"r{number}", "How?")
        lease = pieces.take(session)
        answers = [endings.failed(job, None, COST), endings.completed(job, reply(f"Yes {number}."))]
        ending = answers[min(number, 1)]
        wanted.append(title_box(session.box) in ending.wakes)
        pieces.end(lease, job, ending)
        pieces.pop(lease)
    assert wanted == [False, True, False]
    [item] = pieces.table.query(title_box(session.box).partition, prefix="TITLE#").items
    assert (item.body or {})["payload"] == {"message": "How?", "reply": "Yes 1."}


@pytest.mark.parametrize(
    ("fault", "hidden"),
    [
        (ModelError("Refused.", code="MODEL_REFUSED"), True),
        (TurnFailed("Declined.", code="MODEL_REFUSED"), True),
        (ModelError("Too long.", code="CONTEXT_TOO_LONG"), True),
        (None, True),
        (ModelError("Overloaded.", code="MODEL_OVERLOADED", retryable=True), False),
        (TurnFailed("No money.", code="BUDGET_EXCEEDED"), False),
    ],
)
def test_what_a_model_refused_leaves_its_pictures_as_names(
    pieces: Pieces, fault: Any, hidden: bool
) -> None:
    session = pieces.session()
    job = pieces.ask(session, "r1", "Look")
    picture = {"file": "a.png", "media_type": "image/png"}
    brought = {"images": [picture], "files": ["b.txt"], "failed": ["Gone."]}
    job = replace(job, body={**job.body, "brought": brought})
    lease = pieces.take(session)
    pieces.end(lease, job, pieces.endings.failed(job, fault, COST))

    [entry] = pieces.log(session)
    assert entry["images"] == [{**picture, "hidden": True} if hidden else picture]
    assert (entry["files"], entry["failed"]) == (["b.txt"], ["Gone."])
    assert brought["images"] == [picture]
