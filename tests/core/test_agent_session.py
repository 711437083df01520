"""The agent's side of the stream: what is said, when, and what is not."""

import pytest

from scout.agent.core.session import PACE
from scout.core.checkpoint import BATCH, PART
from scout.core.messages import (
    Ack,
    AgentMessage,
    Changes,
    Deregister,
    Health,
    MasterHealth,
    MasterMessage,
    Part,
    Progress,
    Register,
    Registered,
    Resync,
)
from scout.errors import ProtocolError
from tests.core.talk import GRANTED, Talk, changes


def test_a_stream_begins_with_register_and_nothing_else_before_the_answer() -> None:
    talk = Talk(b"a")
    talk.session.opened(talk.now)
    assert talk.say() == [Register("host", b"/d", 7, 0, "1.0", b"/d", 1)]
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
    # On a line that is known to take it: its first answers came at once.
    for number in range(10 * BATCH + 1):
        talk.inventory.settle(b"x%06d" % number, True)
    [full] = changes(talk.say())
    while len(full.added) < BATCH:
        talk.now += PACE
        [full] = changes(talk.hear(Ack(full.sequence)))
    [full] = changes(talk.hear(Ack(full.sequence)))
    assert len(full.added) == BATCH
    while talk.inventory.waiting >= BATCH:
        [full] = changes(talk.hear(Ack(full.sequence)))
    assert changes(talk.hear(Ack(full.sequence))) == []
    assert talk.session.deadline() == pytest.approx(talk.now + PACE)


def test_changes_are_held_while_the_master_does_not_serve() -> None:
    talk = Talk(b"a").begin()
    talk.hear(MasterHealth(serving=False))
    assert talk.change(b"b") == []
    assert len(changes(talk.hear(MasterHealth(serving=True)))) == 1


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
    assert talk.say() == [Register("host", b"/d", 7, 1, "1.0", b"/d", 2)]
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
    while (message := talk.next()) is not None:
        if isinstance(message, Changes):
            parts.append(message)
            talk.now += 2.0
        words += isinstance(message, Health) and message.sequence == 0
    assert [name for part in parts for name in part.added] == names
    assert parts[0].part is Part.FIRST
    assert parts[-1].part is Part.LAST
    assert {part.part for part in parts[1:-1]} == {Part.MIDDLE}
    assert words >= len(parts) - 1


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
    talk.session.move(b"/e")
    talk.session.opened(talk.now)
    assert talk.say() == [Register("host", b"/d", 7, 1, "1.0", b"/e", 2)]
    assert Deregister() not in talk.hear(GRANTED)


@pytest.mark.parametrize(
    "message", [Ack(1), Progress(1, 1), MasterHealth(serving=True), Resync("x")]
)
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
