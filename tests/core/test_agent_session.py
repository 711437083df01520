"""The agent's side of the stream: what is said, when, and what is not."""

from collections import Counter
from itertools import pairwise
from random import Random

import pytest

from scout.core.inventory import BATCH, PART, Inventory
from scout.core.messages import (
    Ack,
    AgentMessage,
    Changes,
    Deregister,
    Health,
    MasterHealth,
    MasterMessage,
    Part,
    Register,
    Registered,
    Resync,
)
from scout.core.names import digest
from scout.core.session import GRACE, PACE, WORKING, Session
from scout.errors import ProtocolError

GRANTED = Registered(None, health_interval=2.0, health_timeout=1.0, silence=13.0, serving=True)


class Talk:
    """A session with a clock, and what it said."""

    def __init__(self, *names: bytes, scanned: bool = True) -> None:
        self.now = 100.0
        self.inventory = Inventory()
        for name in names:
            self.inventory.settle(name, True)
        self.session = Session("host", b"/d", 7, "1.0", self.inventory)
        if scanned:
            self.session.vouch()

    def hear(self, message: MasterMessage) -> list[AgentMessage]:
        self.session.received(message, self.now)
        return self.say()

    def say(self) -> list[AgentMessage]:
        said: list[AgentMessage] = []
        while (message := self.session.next(self.now)) is not None:
            if message is not WORKING:
                said.append(message)
        return said

    def change(self, name: bytes, present: bool = True) -> list[AgentMessage]:
        self.inventory.settle(name, present)
        return self.say()

    def begin(self) -> "Talk":
        """Up to the acknowledged first snapshot."""
        self.session.opened(self.now)
        assert self.say() == [Register("host", b"/d", 7, 0, "1.0")]
        said = self.hear(GRANTED)
        snapshot = changes(said)[-1]
        assert self.hear(Ack(snapshot.sequence)) == []
        self.now += 1
        return self


def changes(said: list[AgentMessage]) -> list[Changes]:
    return [message for message in said if isinstance(message, Changes)]


def test_a_stream_begins_with_register_and_nothing_else_before_the_answer() -> None:
    talk = Talk(b"a")
    talk.session.opened(talk.now)
    assert talk.say() == [Register("host", b"/d", 7, 0, "1.0")]
    assert talk.say() == []


def test_the_snapshot_goes_before_the_claim_to_be_healthy() -> None:
    talk = Talk(b"b", b"a")
    talk.session.opened(talk.now)
    talk.say()
    first, snapshot, last = talk.hear(GRANTED)
    assert isinstance(first, Health)
    assert (first.serving, first.reason, first.sequence) == (False, "catching up", 0)
    assert isinstance(snapshot, Changes)
    assert (snapshot.part, snapshot.added, snapshot.count) == (Part.ONLY, [b"a", b"b"], 2)
    assert last == Health(True, "", snapshot.sequence, 2, snapshot.digest)


def test_nothing_is_sent_before_the_first_scan_has_ended() -> None:
    talk = Talk(scanned=False)
    talk.session.opened(talk.now)
    talk.say()
    [health] = talk.hear(GRANTED)
    assert health == Health(False, "the first scan has not ended", 0, 0, 0)
    talk.session.vouch()
    assert [m.part for m in changes(talk.say())] == [Part.ONLY]


def test_a_change_in_a_quiet_directory_leaves_at_once() -> None:
    talk = Talk(b"a").begin()
    [delta] = changes(talk.change(b"b"))
    assert (delta.part, delta.sequence, delta.added, delta.removed) == (Part.DELTA, 2, [b"b"], [])


def test_at_most_one_is_unacknowledged_and_the_rest_merges() -> None:
    talk = Talk(b"a").begin()
    talk.change(b"b")
    assert talk.change(b"c") == []
    assert talk.change(b"d") == []
    assert talk.change(b"d", present=False) == []
    talk.now += PACE
    [delta] = changes(talk.hear(Ack(2)))
    assert (delta.sequence, delta.added, delta.removed) == (3, [b"c"], [])


def test_the_next_one_waits_for_the_pace() -> None:
    talk = Talk(b"a").begin()
    talk.change(b"b")
    talk.change(b"c")
    left = talk.now
    talk.now += PACE / 4
    assert talk.hear(Ack(2)) == []
    assert talk.session.deadline() == pytest.approx(left + PACE)
    talk.now = left + PACE
    assert len(changes(talk.say())) == 1


def test_a_full_delta_does_not_wait_for_the_pace() -> None:
    talk = Talk(*[b"%06d" % number for number in range(BATCH)]).begin()
    talk.change(b"b")
    for number in range(BATCH + 1):
        talk.inventory.settle(b"x%06d" % number, True)
    [full] = changes(talk.hear(Ack(2)))
    assert len(full.added) == BATCH
    assert changes(talk.hear(Ack(3))) == []
    assert talk.session.deadline() == pytest.approx(talk.now + PACE)


def test_changes_are_held_while_the_master_does_not_serve() -> None:
    talk = Talk(b"a").begin()
    talk.hear(MasterHealth(serving=False))
    assert talk.change(b"b") == []
    assert len(changes(talk.hear(MasterHealth(serving=True)))) == 1


def healths(said: list[AgentMessage]) -> list[Health]:
    return [message for message in said if isinstance(message, Health)]


def test_health_is_said_every_interval_with_the_state_sent_last() -> None:
    """Unasked; the first time within an interval."""
    talk = Talk(b"a").begin()
    [delta] = changes(talk.change(b"b"))
    talk.hear(Ack(delta.sequence))
    times = [talk.now]
    for _ in range(5):
        due = talk.session.deadline()
        assert due is not None
        talk.now = due
        assert talk.say() == [Health(True, "", delta.sequence, delta.count, delta.digest)]
        assert talk.say() == []
        times.append(talk.now)
    gaps = [b - a for a, b in pairwise(times)]
    assert gaps[0] <= 2.0
    assert gaps[1:] == pytest.approx([2.0] * 4)


def test_word_of_a_change_of_health_does_not_shift_the_others() -> None:
    """All agents would speak at once after a change that hit all of them."""
    talk = Talk(b"a").begin()
    talk.say()
    due = talk.session.deadline()
    talk.session.doubt("gone")
    assert len(healths(talk.say())) == 1
    assert talk.session.deadline() == due


def test_agents_that_registered_at_once_speak_at_different_moments_that_they_share() -> None:
    """Spread over the interval, in rounds by the time of day, whatever their own clocks say."""
    slots: Counter[int] = Counter()
    for epoch in range(1000):
        dice = Random(epoch)
        skew = dice.uniform(0, 1e9)
        session = Session("h", b"/d", dice.getrandbits(64), "1", Inventory())
        now = 5e8 - skew
        session.opened(now, skew)
        session.next(now)
        session.received(GRANTED, now)
        while session.next(now):
            pass
        due = session.deadline()
        assert due is not None
        assert 0.25 * 2.0 - 0.05 <= due - now <= 2.0
        slot = (due + skew - 5e8) / 0.05
        assert slot == pytest.approx(round(slot), abs=1e-4)
        slots[round(slot)] += 1
    assert len(slots) >= 30
    assert max(slots.values()) <= 60


def test_a_lost_directory_is_told_unasked_and_health_returns_after_the_changes() -> None:
    """SERVING must not overtake what changed while the directory was away."""
    talk = Talk(b"a").begin()
    talk.session.doubt("gone")
    [health] = talk.say()
    assert isinstance(health, Health)
    assert (health.serving, health.reason) == (False, "gone")
    talk.inventory.settle(b"a", False)
    talk.inventory.settle(b"b", True)
    talk.session.vouch()
    said = talk.say()
    kinds = [(type(m).__name__, getattr(m, "serving", None)) for m in said]
    assert kinds == [("Health", False), ("Changes", None), ("Health", True)]


@pytest.mark.parametrize("new", [[b"new"], []], ids=["a file", "empty"])
def test_a_directory_replaced_while_its_snapshot_leaves_is_vouched_for_after_the_changes(
    new: list[bytes],
) -> None:
    """The snapshot is of the old directory: its end is not the state to vouch for."""
    old = [b"%06d" % number for number in range(2 * PART)]
    talk = Talk(*old)
    talk.session.opened(talk.now)
    talk.say()
    talk.session.received(GRANTED, talk.now)
    while not isinstance(talk.session.next(talk.now), Changes):
        pass
    talk.session.doubt("another directory")
    for name in old:
        talk.inventory.settle(name, False)
    for name in new:
        talk.inventory.settle(name, True)
    talk.session.vouch()
    said = talk.say()
    assert not any(it.serving for it in said if isinstance(it, Health))
    while not talk.session.in_step:
        talk.now += PACE
        said += talk.hear(Ack(talk.inventory.last))
    assert [it.serving for it in said if isinstance(it, Health)] == [True]
    assert said[-1] == Health(True, "", talk.inventory.last, len(new), digest(new))


def test_a_resync_is_answered_with_a_snapshot() -> None:
    talk = Talk(b"a").begin()
    talk.change(b"b")
    [snapshot] = changes(talk.hear(Resync("does not fit"))) or changes(talk_later(talk))
    assert snapshot.part is Part.ONLY
    assert snapshot.added == [b"a", b"b"]


def talk_later(talk: Talk) -> list[AgentMessage]:
    talk.now += PACE
    return talk.say()


def test_an_answer_that_a_resync_made_void_is_passed_over() -> None:
    talk = Talk(b"a").begin()
    talk.change(b"b")
    talk.hear(Resync("does not fit"))
    talk_later(talk)
    assert changes(talk.hear(Ack(2))) == []


def test_a_reconnect_resumes_after_what_the_master_holds() -> None:
    talk = Talk(b"a").begin()
    [lost] = changes(talk.change(b"b"))
    talk.session.closed()
    talk.inventory.settle(b"c", True)
    talk.session.opened(talk.now)
    assert talk.say() == [Register("host", b"/d", 7, 1, "1.0")]
    talk.now += 1
    [delta] = changes(talk.hear(Registered(1, 2.0, 1.0, 13.0, serving=True)))
    assert delta.sequence == lost.sequence
    assert sorted(delta.added) == [b"b", b"c"]


def test_a_reconnect_does_not_repeat_what_arrived() -> None:
    talk = Talk(b"a").begin()
    talk.change(b"b")
    talk.session.closed()
    talk.session.opened(talk.now)
    talk.say()
    assert changes(talk.hear(Registered(2, 2.0, 1.0, 13.0, serving=True))) == []
    assert talk.session.in_step


def test_a_large_snapshot_goes_in_parts_and_health_is_said_between() -> None:
    names = [b"%06d" % number for number in range(3 * PART)]
    talk = Talk(*names)
    talk.session.opened(talk.now)
    talk.say()
    talk.session.received(GRANTED, talk.now)
    parts: list[Changes] = []
    words = 0
    while (message := talk.session.next(talk.now)) is not None:
        if isinstance(message, Changes):
            parts.append(message)
            talk.now += 2.0
        words += isinstance(message, Health) and message.sequence == 0
    assert [name for part in parts for name in part.added] == names
    assert parts[0].part is Part.FIRST
    assert parts[-1].part is Part.LAST
    assert {part.part for part in parts[1:-1]} == {Part.MIDDLE}
    assert words >= len(parts) - 1


def test_the_master_is_given_up_when_it_is_silent_for_longer_than_it_promised() -> None:
    talk = Talk(b"a").begin()
    heard = talk.now
    talk.hear(MasterHealth(serving=True))
    talk.now += 13.9
    talk.say()
    assert talk.session.deadline() == pytest.approx(heard + 14.0)
    assert not talk.session.silent(heard + 13.9)
    assert not talk.session.silent(heard + 14.0)
    assert talk.session.deadline() == pytest.approx(heard + 14.0 + GRACE)
    assert talk.session.silent(heard + 14.0 + GRACE)


def test_an_agent_that_was_stopped_itself_hears_the_master_out_first() -> None:
    """However long it was stopped: its socket may hold what the master said meanwhile."""
    for seconds in (14.1, 60.0):
        talk = Talk(b"a").begin()
        talk.hear(MasterHealth(serving=True))
        talk.now += seconds
        assert not talk.session.silent(talk.now)
        talk.hear(MasterHealth(serving=True))
        assert not talk.session.silent(talk.now + 13.9)


def test_goodbye_is_the_last_word() -> None:
    talk = Talk(b"a").begin()
    talk.session.leave()
    assert talk.say() == [Deregister()]
    assert talk.session.deadline() is None
    assert talk.change(b"b") == []


@pytest.mark.parametrize("message", [Ack(2), MasterHealth(serving=True), Resync("x")])
def test_what_the_master_said_before_it_heard_the_goodbye_is_passed_over(
    message: MasterMessage,
) -> None:
    """It is on its way when the goodbye leaves, and must not keep that from arriving."""
    talk = Talk(b"a").begin()
    talk.change(b"b")
    talk.session.leave()
    talk.say()
    assert talk.hear(message) == []


def test_a_move_while_the_master_is_away_says_no_goodbye_to_the_new_claim() -> None:
    talk = Talk(b"a").begin()
    talk.session.closed()
    talk.session.leave()
    talk.session.move(b"/e", 8)
    talk.session.opened(talk.now)
    assert talk.say() == [Register("host", b"/e", 8, 0, "1.0")]
    assert Deregister() not in talk.hear(GRANTED)


@pytest.mark.parametrize("message", [Ack(1), MasterHealth(serving=True), Resync("x")])
def test_what_does_not_fit_the_phase_names_itself_and_changes_nothing(
    message: MasterMessage,
) -> None:
    talk = Talk(b"a")
    talk.session.opened(talk.now)
    talk.say()
    with pytest.raises(ProtocolError, match=type(message).__name__):
        talk.session.received(message, talk.now)
    assert changes(talk.hear(GRANTED))


def test_an_acknowledgement_of_the_future_is_refused() -> None:
    talk = Talk(b"a").begin()
    with pytest.raises(ProtocolError, match="99"):
        talk.session.received(Ack(99), talk.now)


def test_a_directory_emptied_while_the_master_is_away_costs_no_memory() -> None:
    """The difference is bounded by the directory: beyond it a snapshot is cheaper."""
    names = [b"%06d" % number for number in range(2 * BATCH)]
    talk = Talk(*names).begin()
    talk.hear(MasterHealth(serving=False))
    for name in names:
        talk.inventory.settle(name, False)
    assert talk.inventory.rootless
    talk.inventory.check()
    [snapshot] = changes(talk.hear(MasterHealth(serving=True)))
    assert (snapshot.part, list(snapshot.added)) == (Part.ONLY, [])
