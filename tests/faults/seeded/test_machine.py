"""Any order of messages, stops, lost connections, comebacks, crashes, pauses and hand-overs, as
hypothesis finds them, with the promises checked after each of them."""

import logging
import tempfile
from contextlib import ExitStack
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.faults.seeded.calm import Calm, calm
from tests.faults.seeded.client import NOT_NOW, Client, Following
from tests.faults.seeded.model import Plan
from tests.simulation.hub import Process
from tests.support.frames_client import TERMINAL

PLANS = st.builds(
    Plan,
    st.lists(st.lists(st.sampled_from(["look", "pay"]), min_size=1, max_size=2), max_size=3),
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
        world.sweep_every_minute(120)

    # -- what happens ---------------------------------------------------------------------

    @rule(which=WHICH, plan=PLANS)
    def send(self, which: int, plan: Plan) -> None:
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
            refused = event["type"] == "error" and event["error"]["code"] in NOT_NOW
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

    def teardown(self) -> None:
        try:
            if hasattr(self, "scene"):
                for client in self.scene.clients:
                    client.connect()
                self.scene.pass_time(1500.0)
                assert self.scene.audit().all() == []
        finally:
            self._open.close()

    # -------------------------------------------------------------------------------------

    @property
    def _working(self) -> list[Process]:
        return self.scene.world.working

    def _client(self, which: int) -> Client:
        return self.scene.clients[which % len(self.scene.clients)]

    def _turn(self, client: Client, which: int) -> Following | None:
        turns = list(client.following.values())
        return turns[which % len(turns)] if turns else None


TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=25,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
