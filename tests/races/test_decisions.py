"""Two connections, in two operating-system processes, decide the same approval in the same instant:
one decision each, told truthfully to both, and the tool runs for those that were approved."""

import shutil
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier

import pytest

from tests.faults.audit import runs
from tests.faults.forms import LONG
from tests.faults.local_runs import AGENTS
from tests.support.deployments import Place
from tests.support.frames_client import Event, FramesClient
from tests.support.messages_api import Request, ScriptedMessagesApi, Step, ToolCall
from tests.support.server_process import server_processes

TURNS = 10 if LONG else 1
EACH = 20
"""Approvals of one turn: all calls of one reply."""

PATIENCE = 120.0
SETTINGS = {"RATE_LIMIT_PER_MINUTE": "0", "RATE_LIMIT_PRINCIPAL_PER_MINUTE": "0"}

WANTED = [(True, True), (True, False), (False, False), (False, True)]
"""What the two want of one approval after the other: half of the pairs are contrary."""


@dataclass(frozen=True)
class Pair:
    """One approval: what both wanted, what both were told, and what came of the call."""

    amount: int
    wanted: tuple[bool, bool]
    told: Sequence[Event]
    result: Event

    @property
    def outcomes(self) -> list[bool]:
        """What was decided, according to each of those who were told that they have decided."""
        return [event["data"]["approved"] for event in self.told if "error" not in event]

    @property
    def refusals(self) -> list[str]:
        return [event["error"]["code"] for event in self.told if "error" in event]


class Deciders:
    """Two connections that decide together."""

    def __init__(self, clients: Sequence[FramesClient], sessions: Sequence[str]) -> None:
        self._clients = clients
        self._sessions = sessions
        self._together = Barrier(len(clients))
        self._threads = ThreadPoolExecutor(len(clients))

    def decide(self, approval: str, wanted: tuple[bool, bool], number: int) -> list[Event]:
        def one(which: int) -> Event:
            frame = {
                "action": "confirm_tool_action",
                "requestId": f"decide-{number}",
                "sessionId": self._sessions[which],
                "approvalId": approval,
                "approved": wanted[which],
            }
            self._together.wait(PATIENCE)
            self._clients[which].send(frame)
            return self._clients[which].next(f"decide-{number}")

        return list(self._threads.map(one, range(len(self._clients))))


def model(request: Request) -> Step:
    """Asks for all payments of a turn at once; then it says so."""
    last = request["messages"][-1]["content"]
    if not isinstance(last, str):
        return Step(tokens=["Done."])
    first = int(last) * EACH
    calls = [ToolCall(name="pay", input={"amount": first + number}) for number in range(EACH)]
    return Step(tool_calls=calls)


def turn(number: int, session: str, ann: FramesClient, deciders: Deciders) -> list[Pair]:
    """Ann asks for payments, and both decide on each."""
    request_id, pairs = f"q{number}", list[Pair]()
    ann.send_message(session, request_id, str(number))
    for amount in range(number * EACH, (number + 1) * EACH):
        approval = _chunk(ann, request_id, "toolCall")["pendingWriteConfirmation"]
        assert approval["arguments"] == {"amount": amount}
        wanted = WANTED[amount % len(WANTED)]
        told = deciders.decide(approval["approvalId"], wanted, amount)
        result = _chunk(ann, request_id, "toolResult")["rawResponse"]["toolResult"]
        pairs.append(Pair(amount, wanted, told, result))
    assert ann.terminal(request_id)["type"] == "eventual_response"
    return pairs


def _chunk(client: FramesClient, request_id: str, kind: str) -> Event:
    """The state of the next chunk of this kind."""
    while True:
        event = client.next(request_id)
        assert event["type"] not in ("error", "eventual_response"), event
        state: Event = event["data"].get("state", {})
        if kind in state.get("rawResponse", {}):
            return state


def decide_in_two_processes(endpoint: str, folder: Path) -> None:
    agents = folder / "agents"
    shutil.copytree(AGENTS, agents)
    settings = {**SETTINGS, "ASSISTANT_LOCAL_CONFIG_DIR": str(agents)}
    with (
        ScriptedMessagesApi(reply=model) as api,
        server_processes(Place.fresh(endpoint), api.base_url, settings) as (here, there),
        FramesClient(here, patience=PATIENCE) as ann,
        FramesClient(there, patience=PATIENCE) as other,
    ):
        opened = ann.open_session("gated")
        joined = other.open_session("gated", conversationId=opened["conversationId"])
        deciders = Deciders([ann, other], [opened["sessionId"], joined["sessionId"]])
        pairs = [
            pair
            for number in range(TURNS)
            for pair in turn(number, opened["sessionId"], ann, deciders)
        ]
        # The last request of each turn has the results of its calls.
        told = [
            block
            for request in api.requests[1::2]
            for block in request["messages"][-1]["content"]
            if block["type"] == "tool_result"
        ]
    assert len(pairs) == len(told) == TURNS * EACH
    paid = Counter(run["arguments"]["amount"] for run in runs(agents / "runs"))
    for pair, result in zip(pairs, told, strict=True):
        outcome, *same = pair.outcomes
        assert outcome in pair.wanted
        assert same == [outcome] * (len(pair.wanted) - 1 - len(pair.refusals))
        contrary = pair.wanted[0] != pair.wanted[1]
        assert pair.refusals == (["ALREADY_DECIDED"] if contrary else [])
        assert paid[pair.amount] == outcome, "the tool runs once if it was approved, else not"
        assert pair.result["isError"] == (not outcome)
        assert ("declined" in str(result["content"])) == (not outcome)
    if LONG:
        won = Counter("error" in pair.told[0] for pair in pairs if len(set(pair.wanted)) > 1)
        assert min(won[True], won[False]) > 0, "one of them was always first: they did not race"


def test_on_moto(moto: str, tmp_path: Path) -> None:
    decide_in_two_processes(moto, tmp_path)


@pytest.mark.emulator
def test_on_the_emulator(ministack: str, tmp_path: Path) -> None:
    decide_in_two_processes(ministack, tmp_path)
