"""A line breaks unseen, the agent opens a new stream: nobody who reads the list notices."""

from scout.agent.core.inventory import Inventory
from scout.agent.core.phase import WORKING
from scout.agent.core.session import Session
from scout.core.messages import Health, Register, Registered
from scoutmaster.core.master import Master
from scoutmaster.core.policy import Policy
from scoutmaster.core.session import Session as MasterSession

INTERVAL = Policy().interval


class Pair:
    """An agent and its master, and the moments at which a reader may look."""

    def __init__(self) -> None:
        self.now = 100.0
        self.inventory = Inventory()
        self.agent = Session("h", b"/d", 1, "1", self.inventory)
        self.agent.vouch()
        self.master = Master(Policy(settle=0.0), 1, self.now, self.now)
        self.seen: list[tuple[list[bytes], bool]] = []

    def connect(self) -> MasterSession:
        self.agent.opened(self.now)
        return self.master.opened("peer")

    def talk(self, stream: MasterSession) -> None:
        """Until neither has anything to say."""
        for _ in range(50):
            self.now += 0.001
            word = self.agent.next(self.now)
            if word is not None and word is not WORKING:
                self.master.received(stream, word, self.now)
                self._look()
            while stream.outbox:
                self.agent.received(stream.outbox.popleft(), self.now)

    def _look(self) -> None:
        view = self.master.view
        now = ([name for it in view.chunks for name in it.names], view.complete)
        if not self.seen or self.seen[-1] != now:
            self.seen.append(now)


def test_a_stream_that_is_replaced_while_changes_wait_takes_no_file_off_the_list() -> None:
    """They go first, and are seen in one step; the agent never said that it was not serving."""
    pair = Pair()
    pair.inventory.settle(b"a", True)
    pair.talk(pair.connect())
    assert pair.seen[-1] == ([b"a"], True)
    pair.agent.closed()
    pair.inventory.settle(b"b", True)
    pair.seen.clear()
    pair.talk(pair.connect())
    assert pair.seen == [([b"a"], True), ([b"a", b"b"], True)]


def test_an_agent_that_fell_behind_meanwhile_says_so_before_anything_else() -> None:
    pair = Pair()
    pair.inventory.settle(b"a", True)
    pair.talk(pair.connect())
    pair.agent.closed()
    pair.inventory.settle(b"b", True)
    pair.agent.vouch(behind=True, reason="it overflowed")
    pair.seen.clear()
    pair.talk(pair.connect())
    assert pair.seen[1:] == [([b"a"], False), ([b"a", b"b"], False)]


def test_nothing_is_said_on_a_new_stream_until_the_events_that_wait_are_settled() -> None:
    """Neither that all is well, which is not known, nor anything else: the files stay listed."""
    pair = Pair()
    pair.inventory.settle(b"a", True)
    pair.talk(pair.connect())
    pair.agent.closed()
    pair.seen.clear()
    stream = pair.connect()
    pair.agent.vouch(settling=True)
    pair.talk(stream)
    assert pair.seen == [([b"a"], True)]
    pair.inventory.settle(b"b", True)
    pair.agent.vouch()
    pair.talk(stream)
    assert pair.seen == [([b"a"], True), ([b"a", b"b"], True)]


def test_events_that_are_not_settled_in_time_make_the_list_incomplete_and_take_nothing_off_it() -> (
    None
):
    """The master would call the agent silent, if it heard nothing."""
    pair = Pair()
    pair.inventory.settle(b"a", True)
    pair.talk(pair.connect())
    pair.agent.closed()
    pair.seen.clear()
    stream = pair.connect()
    pair.agent.vouch(settling=True)
    pair.talk(stream)
    pair.now += INTERVAL
    pair.talk(stream)
    assert pair.seen[1:] == [([b"a"], False)]
    pair.inventory.settle(b"b", True)
    pair.agent.vouch()
    pair.talk(stream)
    assert pair.seen[2:] == [([b"a", b"b"], False), ([b"a", b"b"], True)]


def test_changes_that_can_not_be_sent_in_time_take_nothing_off_the_list() -> None:
    """The master does not serve yet, say."""
    pair = Pair()
    pair.inventory.settle(b"a", True)
    pair.talk(pair.connect())
    pair.agent.closed()
    pair.inventory.settle(b"b", True)
    pair.agent.opened(pair.now)
    assert isinstance(pair.agent.next(pair.now), Register)
    pair.agent.received(Registered(1, INTERVAL, 1.0, 13.0, serving=False), pair.now)
    assert pair.agent.next(pair.now) is None
    told = pair.agent.next(pair.now + INTERVAL)
    assert isinstance(told, Health)
    assert (told.serving, told.behind, told.reason) == (True, True, "catching up")
