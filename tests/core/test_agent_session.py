"""The agent's side of the stream: what is said, when, and what is not."""

import pytest

from scout.core.inventory import BATCH, PART, Inventory
from scout.core.messages import (
    Ack,
    AgentMessage,
    Changes,
    Deregister,
    Health,
    HealthCheck,
    MasterMessage,
    Part,
    Register,
    Registered,
    Resync,
)
from scout.core.session import GRACE, PACE, WORKING, Session
from scout.errors import ProtocolError

GRANTED = Registered(None, health_interval=2.0, health_timeout=1.0, serving=True)


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
    talk.hear(HealthCheck(serving=False))
    assert talk.change(b"b") == []
    assert len(changes(talk.hear(HealthCheck(serving=True)))) == 1


def test_a_health_check_is_answered_with_the_state_sent_last() -> None:
    talk = Talk(b"a").begin()
    [delta] = changes(talk.change(b"b"))
    [health] = talk.hear(HealthCheck(serving=True))
    assert health == Health(True, "", delta.sequence, delta.count, delta.digest)


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
    [delta] = changes(talk.hear(Registered(1, 2.0, 1.0, serving=True)))
    assert delta.sequence == lost.sequence
    assert sorted(delta.added) == [b"b", b"c"]


def test_a_reconnect_does_not_repeat_what_arrived() -> None:
    talk = Talk(b"a").begin()
    talk.change(b"b")
    talk.session.closed()
    talk.session.opened(talk.now)
    talk.say()
    assert changes(talk.hear(Registered(2, 2.0, 1.0, serving=True))) == []
    assert talk.session.in_step


def test_a_large_snapshot_goes_in_parts_and_health_checks_are_answered_between() -> None:
    names = [b"%06d" % number for number in range(3 * PART)]
    talk = Talk(*names)
    talk.session.opened(talk.now)
    talk.say()
    talk.session.received(GRANTED, talk.now)
    parts: list[Changes] = []
    answers = 0
    while (message := talk.session.next(talk.now)) is not None:
        if isinstance(message, Changes):
            parts.append(message)
            talk.session.received(HealthCheck(serving=True), talk.now)
        answers += isinstance(message, Health) and message.sequence == 0
    assert [name for part in parts for name in part.added] == names
    assert parts[0].part is Part.FIRST
    assert parts[-1].part is Part.LAST
    assert {part.part for part in parts[1:-1]} == {Part.MIDDLE}
    assert answers >= len(parts) - 1


def test_the_master_is_given_up_after_interval_and_time_limit() -> None:
    talk = Talk(b"a").begin()
    heard = talk.now
    talk.hear(HealthCheck(serving=True))
    assert talk.session.deadline() == pytest.approx(heard + 3.0)
    assert not talk.session.silent(heard + 2.9)
    assert not talk.session.silent(heard + 3.0)
    assert talk.session.deadline() == pytest.approx(heard + 3.0 + GRACE)
    assert talk.session.silent(heard + 3.0 + GRACE)


def test_an_agent_that_was_stopped_itself_hears_the_master_out_first() -> None:
    """However long it was stopped: its socket may hold what the master said meanwhile."""
    for seconds in (3.1, 3.9, 60.0):
        talk = Talk(b"a").begin()
        talk.hear(HealthCheck(serving=True))
        talk.now += seconds
        assert not talk.session.silent(talk.now)
        talk.hear(HealthCheck(serving=True))
        assert not talk.session.silent(talk.now + 2.9)


def test_goodbye_is_the_last_word() -> None:
    talk = Talk(b"a").begin()
    talk.session.leave()
    assert talk.say() == [Deregister()]
    assert talk.session.deadline() is None


def test_a_move_while_the_master_is_away_says_no_goodbye_to_the_new_claim() -> None:
    talk = Talk(b"a").begin()
    talk.session.closed()
    talk.session.leave()
    talk.session.move(b"/e", 8)
    talk.session.opened(talk.now)
    assert talk.say() == [Register("host", b"/e", 8, 0, "1.0")]
    assert Deregister() not in talk.hear(GRANTED)


@pytest.mark.parametrize("message", [Ack(1), HealthCheck(serving=True), Resync("x")])
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
    talk.hear(HealthCheck(serving=False))
    for name in names:
        talk.inventory.settle(name, False)
    assert talk.inventory.rootless
    talk.inventory.check()
    [snapshot] = changes(talk.hear(HealthCheck(serving=True)))
    assert (snapshot.part, list(snapshot.added)) == (Part.ONLY, [])
