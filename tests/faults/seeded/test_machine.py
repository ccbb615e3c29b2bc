"""Any order of messages, stops, decisions, lost connections, comebacks, crashes, pauses and
hand-overs, as hypothesis finds them, with the promises checked after each of them."""

import logging
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from shared.runner.prompts import APPROVAL, INTERACTION
from tests.faults.seeded.calm import Calm, calm
from tests.faults.seeded.client import NOT_NOW, Client
from tests.faults.seeded.decisions import Decisions
from tests.faults.seeded.following import Following
from tests.faults.seeded.model import FORM, Plan
from tests.faults.seeded.prompts import REFUSALS, Prompt, chosen
from tests.simulation.hub import Process
from tests.support.frames_client import TERMINAL

CALLS = ["look", "pay", "refund", "check", FORM]
PLANS = st.builds(
    Plan,
    st.lists(st.lists(st.sampled_from(CALLS), min_size=1, max_size=2), max_size=3),
    tokens=st.sampled_from([1, 7, 60]),
    pace=st.sampled_from([0.0, 0.05, 0.4]),
    seconds=st.sampled_from([0.0, 0.4, 5.0]),
    poison=st.sampled_from([False] * 9 + [True]),
)
WHICH = st.integers(min_value=0, max_value=10)


class Machine(RuleBasedStateMachine):
    """Two tabs of ann, of which the second has a session of its own in the same conversation, and
    bob with a conversation of his."""

    scene: Calm

    def __init__(self) -> None:
        super().__init__()
        self._open = ExitStack()
        self._turns = 0
        logging.disable(logging.CRITICAL)
        self._open.callback(logging.disable, logging.NOTSET)

    @initialize(
        seed=st.integers(min_value=0, max_value=2**16),
        worker=st.sampled_from([900.0, 25.0]),
        truncates=st.booleans(),
        together=st.booleans(),
    )
    def begin(self, seed: int, worker: float, truncates: bool, together: bool) -> None:
        shm = Path("/dev/shm")
        made = tempfile.TemporaryDirectory(dir=shm if shm.is_dir() else None)
        self.scene = self._open.enter_context(calm(seed, Path(self._open.enter_context(made))))
        world = self.scene.world
        world.worker_seconds, world.together = worker, together
        tab, bob = Client(world, "ann", truncates=truncates), Client(world, "bob", truncates=True)
        self.scene.clients += [tab, bob]
        self.scene.join(tab, self.scene.conversation)
        self.scene.join(bob)
        world.sweep_every_minute(200)

    # -- what happens ---------------------------------------------------------------------

    @rule(which=WHICH, plan=PLANS)
    def send(self, which: int, plan: Plan) -> None:
        self._send(which, plan)

    def _send(self, which: int, plan: Plan) -> None:
        if self._turns < 8:
            self._turns += 1
            request_id = f"q{self._turns}"
            for client in self.scene.clients:
                client.foreign.add(request_id)
            self.scene.send(request_id, plan, self._client(which))

    @rule(which=WHICH, turn=WHICH)
    def cancel(self, which: int, turn: int) -> None:
        client = self._client(which)
        if found := self._turn(client, turn):
            client.cancel(found)

    @rule(which=WHICH, turn=WHICH)
    def cancel_in_vain(self, which: int, turn: int) -> None:
        """Of nothing, or of what is another user's."""
        client = self._client(which)
        client.frame("cancel", requestId="nothing")
        others = [each for each in self.scene.clients if each.user != client.user]
        if found := self._turn(others[which % len(others)], turn):
            client.frame("cancel", requestId=found.request_id, sessionId=found.session)
            client.frame("cancel", requestId=found.request_id)

    @rule(
        which=WHICH,
        calls=st.lists(st.sampled_from(CALLS[2:]), min_size=1, max_size=3),
        answer=st.sampled_from([None, True, False]),
    )
    def ask(self, which: int, calls: list[str], answer: bool | None) -> None:
        """Let it come to a question, which may be answered at once."""
        self._send(which, Plan([calls], tokens=1, pace=0.0, seconds=0.4))
        for _ in range(10):
            if not (self._prompts(APPROVAL) or self._prompts(INTERACTION)):
                self.scene.pass_time(0.3)
        if answer is not None and self._prompts(APPROVAL):
            self._decide(1, 0, (answer,), "by id")
        elif answer is not None and self._prompts(INTERACTION):
            self._fill_in(1, 0, ["One" if answer else None])

    @precondition(lambda self: self._prompts(APPROVAL))
    @rule(
        which=WHICH,
        prompt=WHICH,
        approved=st.sampled_from([(True,), (False,), (True, True), (True, False), (False, True)]),
        how=st.sampled_from(["by id", "bare", "as the turn"]),
    )
    def decide(self, which: int, prompt: int, approved: tuple[bool, ...], how: str) -> None:
        self._decide(which, prompt, approved, how)

    def _decide(self, which: int, prompt: int, approved: tuple[bool, ...], how: str) -> None:
        """Or try to: it may be another user's, or be decided already."""
        client, found = self._asked(which, prompt, APPROVAL)
        for each in approved:
            client.confirm(found, approved=each, bare=how == "bare", as_turn=how == "as the turn")

    @precondition(lambda self: self._prompts(INTERACTION))
    @rule(
        which=WHICH,
        prompt=WHICH,
        said=st.lists(st.sampled_from(["One", "Two", "Three", None]), min_size=1, max_size=2),
    )
    def fill_in(self, which: int, prompt: int, said: list[str | None]) -> None:
        self._fill_in(which, prompt, said)

    def _fill_in(self, which: int, prompt: int, said: list[str | None]) -> None:
        client, found = self._asked(which, prompt, INTERACTION)
        for each in said:
            client.submit(found, chosen(each) if each else None)

    @precondition(lambda self: self._prompts(APPROVAL) or self._prompts(INTERACTION))
    @rule()
    def expire(self) -> None:
        """Nobody answers."""
        self.scene.pass_time(31.0)

    @rule(which=WHICH, noticed=st.sampled_from([0.0, 4.0]), back=st.sampled_from([0.1, 5.0, 60.0]))
    def disconnect(self, which: int, noticed: float, back: float) -> None:
        self._client(which).leave(noticed_after=noticed, back_after=back)

    @rule(which=WHICH, turn=WHICH)
    def resume(self, which: int, turn: int) -> None:
        client = self._client(which)
        found = self._turn(client, turn)
        if found and found.acknowledged and not found.waiting and client.connection:
            client.resume(found)

    @rule(turn=WHICH)
    def look_on(self, turn: int) -> None:
        """The other tab comes to a turn of the first one."""
        first, tab = self.scene.clients[:2]
        found = self._turn(first, turn)
        if found and found.acknowledged and tab.truncates and tab.connection:
            tab.follow(found)

    @precondition(lambda self: self._working)
    @rule(which=WHICH)
    def crash(self, which: int) -> None:
        self.scene.world.chaos.kill(self._working[which % len(self._working)])

    @precondition(lambda self: self._working)
    @rule(which=WHICH, seconds=st.sampled_from([2.0, 20.0, 50.0]))
    def pause(self, which: int, seconds: float) -> None:
        self.scene.world.chaos.freeze(self._working[which % len(self._working)], seconds)

    @rule(seconds=st.sampled_from([0.01, 0.3, 1.1, 5.0, 45.0]))
    def wait(self, seconds: float) -> None:
        self.scene.pass_time(seconds)

    # -- what holds -----------------------------------------------------------------------

    @invariant()
    def one_end(self) -> None:
        ends: dict[str, set[bytes]] = {}
        for each in self.scene.world.diary.delivered if self._turns else ():
            event = each.event
            refused = event["type"] == "error" and event["error"]["code"] in {*NOT_NOW, *REFUSALS}
            if event["type"] in TERMINAL and not refused:
                ends.setdefault(str(event["requestId"]), set()).add(each.raw)
        assert all(len(texts) == 1 for texts in ends.values()), ends

    @invariant()
    def nothing_runs_twice_nor_after_its_stop(self) -> None:
        if self._turns:
            audit = self.scene.audit()
            assert all(times == 1 for times in self.scene.world.diary.effects.values())
            assert list(audit.after_stops()) == []
            assert self.scene.world.diary.broken == []
            assert list(Decisions(audit).unapproved()) == []

    def teardown(self) -> None:
        try:
            if hasattr(self, "scene"):
                for client in self.scene.clients:
                    client.connect()
                self.scene.pass_time(3000.0)
                assert self.scene.audit().all() == []
        finally:
            self._open.close()

    # -------------------------------------------------------------------------------------

    @property
    def _working(self) -> list[Process]:
        return self.scene.world.working

    def _client(self, which: int) -> Client:
        return self.scene.clients[which % len(self.scene.clients)]

    def _prompts(self, kind: str) -> list[Prompt]:
        return self.scene.prompts(kind)

    def _asked(self, which: int, prompt: int, kind: str) -> tuple[Client, Prompt]:
        """One of them, and a client to answer it: in the turn's session if it has that, else in
        its own."""
        prompts, client = self._prompts(kind), self._client(which)
        found = prompts[prompt % len(prompts)]
        knows = [each for each in self.scene.clients if found.turn in each.following]
        if which % 2:
            client = knows[which % len(knows)]
        if client in knows:
            return client, found
        return client, replace(found, session=client.sessions[0][0])

    def _turn(self, client: Client, which: int) -> Following | None:
        turns = list(client.following.values())
        return turns[which % len(turns)] if turns else None


TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=40,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
