"""What the agent says of its health, and when it gives the master up."""

from collections import Counter
from itertools import pairwise
from random import Random

import pytest

from scout.agent.core.inventory import Inventory
from scout.agent.core.session import GRACE, PACE, Session
from scout.core.checkpoint import PART
from scout.core.messages import (
    Ack,
    AgentMessage,
    Changes,
    Health,
    MasterHealth,
)
from scout.core.names import digest
from tests.core.talk import GRANTED, Talk, changes


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
    while not isinstance(talk.next(), Changes):
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
