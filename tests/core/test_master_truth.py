"""`complete` is a statement about now: who is behind, who is not heard, who was taken over."""

import pytest

from scout.core.messages import Changes, Deregister, Health, Part, Register, Registered
from scout.core.names import digest
from scoutmaster.core.policy import Policy
from scoutmaster.core.refusal import LIMIT, Status
from scoutmaster.core.registry import BACKLOG, Standing
from scoutmaster.core.verdict import HELD
from tests.core.conversation import Desk, Stream, delta, only, vouch

A, B = b"a", b"b"


def lacking(
    sequence: int, *names: bytes, behind: bool = False, omitted: int = 0, reason: str = "why"
) -> Health:
    """A healthy agent's word that its list is not all."""
    return Health(True, reason, sequence, len(names), digest(names), behind, omitted)


# Behind and omitted


@pytest.mark.parametrize("word", [{"behind": True}, {"omitted": 3}, {"behind": True, "omitted": 1}])
def test_who_knows_that_its_files_are_not_all_is_shown_and_the_list_is_not_complete(
    word: dict[str, int],
) -> None:
    desk = Desk()
    stream = desk.open().serve(A)
    desk.open("other").serve(B)
    assert desk.master.view.complete is True
    stream.tell(lacking(1, A, **word))  # type: ignore[arg-type]
    view = desk.master.view
    assert (desk.listed(), view.complete, view.healthy, view.behind) == ([A, B], False, 2, 1)
    client = desk.master.registry.clients["host", b"/d"]
    assert client.judge() == (Standing.HEALTHY, "why")
    stream.tell(vouch(1, A))
    assert (desk.master.view.complete, desk.master.view.behind) == (True, 0)
    assert client.judge() == (Standing.HEALTHY, "")


def test_who_is_behind_and_goes_leaves_a_complete_list() -> None:
    for end in ("goodbye", "break"):
        desk = Desk(Policy(settle=0.0, limit=1))
        stream = desk.open().serve(A)
        stream.tell(lacking(1, A, behind=True))
        if end == "goodbye":
            stream.tell(Deregister())
        stream.close()
        desk.wait(10.0)
        assert (desk.listed(), desk.master.view.complete, desk.master.view.behind) == ([], True, 0)


def test_who_is_behind_and_unhealthy_is_counted_once() -> None:
    desk = Desk()
    stream = desk.open().serve(A)
    stream.tell(lacking(1, A, behind=True))
    stream.tell(Health(False, "gone", 1, 1, digest([A]), True, 0))
    view = desk.master.view
    assert (view.healthy, view.unhealthy, view.behind) == (0, 1, 0)
    stream.tell(lacking(1, A, behind=True))
    assert desk.master.view.behind == 1


def test_each_turn_to_behind_and_back_is_told_once() -> None:
    desk = Desk()
    stream = desk.open().serve(A)
    desk.master.take_turns()
    for _ in range(3):
        stream.tell(lacking(1, A, behind=True))
    for _ in range(3):
        stream.tell(vouch(1, A))
    assert [(it.label, it.bad) for it in desk.master.take_turns()] == [
        ("behind", False),
        ("caught_up", False),
    ]
    stream.tell(lacking(1, A, omitted=2, reason=""))
    [turn] = desk.master.take_turns()
    assert (turn.label, turn.bad, turn.reason) == ("behind", True, "2 entries are withheld")


# Take-overs


def test_a_stream_that_is_replaced_by_the_same_agent_changes_nothing_for_readers() -> None:
    """No flapping: it is the agent that vouches, not the stream."""
    desk = Desk()
    old = desk.open().serve(A)
    before = desk.master.view
    new = desk.open(acknowledged=1)
    assert new.greeting == [Registered(1, 2.0, 1.0, 23.0, True, 4095)]
    assert desk.master.view is before
    old.close()
    assert desk.master.view is before
    new.tell(vouch(1, A))
    assert desk.master.view is before


def test_what_the_agent_said_of_itself_lives_on_in_its_new_stream() -> None:
    desk = Desk()
    desk.open().serve(A).tell(lacking(1, A, behind=True))
    desk.open(acknowledged=1)
    assert (desk.listed(), desk.master.view.complete, desk.master.view.behind) == ([A], False, 1)


def test_a_stream_that_was_replaced_and_then_says_nothing_is_late_like_any_other() -> None:
    desk = Desk()
    desk.open().serve(A)
    desk.open(acknowledged=1)
    desk.wait(3.1)
    assert (desk.listed(), desk.master.view.complete) == ([], False)


@pytest.mark.parametrize("again", ["the old stream", "a new stream"])
def test_who_was_silent_is_shown_once_it_says_how_it_is(again: str) -> None:
    """It may have stood still while its directory changed: that it is there again proves nothing of
    what it holds."""
    desk = Desk()
    stream = desk.open().serve(A)
    desk.wait(3.1)
    assert desk.listed() == []
    if again == "the old stream":
        stream.tell(delta(2, (A,), (B,), ()))
        word, names = vouch(2, A, B), [A, B]
    else:
        stream = desk.open(acknowledged=1)
        word, names = vouch(1, A), [A]
    assert (desk.listed(), desk.master.view.complete) == ([], False)
    stream.tell(word)
    assert (desk.listed(), desk.master.view.complete) == (names, True)


def test_a_stream_after_a_broken_one_is_believed_by_its_first_word() -> None:
    """Between the two nobody was there: what was said before the break is over."""
    desk = Desk()
    desk.open().serve(A).close()
    assert desk.listed() == []
    new = desk.open(acknowledged=1)
    assert desk.listed() == []
    new.tell(vouch(1, A))
    assert desk.listed() == [A]


def test_an_agent_that_was_told_more_than_the_master_knows_is_not_shown() -> None:
    """Of one epoch that can't be, so one of the two has lost something."""
    desk = Desk()
    desk.open().serve(A)
    new = desk.open(acknowledged=9)
    assert new.greeting[0] == Registered(None, 2.0, 1.0, 23.0, True, 4095)
    assert desk.listed() == []
    new.serve(A, B, sequence=10)
    assert desk.listed() == [A, B]


def register(attempt: int, epoch: int = 7) -> Register:
    return Register("host", b"/d", epoch, 1, "1.0", attempt=attempt)


def test_of_one_epoch_the_newest_attempt_wins_whatever_order_they_come_in() -> None:
    """A line that was cut may deliver the old stream's first word after the new one's."""
    desk = Desk()
    newest = Stream(desk)
    newest.tell(register(5))
    newest.serve(A)
    for attempt in (4, 1, 0):
        refusal = Stream(desk).refused(register(attempt))
        assert refusal.status is Status.ABORTED
        assert refusal.ending.expected
        assert "attempt 5" in refusal.message
    assert (desk.listed(), desk.master.view.complete) == ([A], True)
    assert newest.session.ended is None
    next_one = Stream(desk)
    next_one.tell(register(6))
    assert newest.session.ended is not None
    assert newest.session.ended.expected


def test_an_old_attempt_is_refused_after_the_newest_broke_as_well() -> None:
    """Its agent has given it up: attached to it the client would wait for nobody."""
    desk = Desk()
    newest = Stream(desk)
    newest.tell(register(5))
    newest.close()
    assert Stream(desk).refused(register(4)).status is Status.ABORTED
    Stream(desk).tell(register(6))


def test_a_new_epoch_begins_to_count_anew() -> None:
    desk = Desk()
    stream = Stream(desk)
    stream.tell(register(5))
    stream.close()
    Stream(desk).tell(register(1, epoch=8))


# A master that was away


def test_after_a_pause_the_list_is_complete_once_each_client_is_heard_anew() -> None:
    """What lay in the sockets meanwhile proves nothing: who sent it may be gone since."""
    desk = Desk()
    one, two = desk.open("one").serve(A), desk.open("two").serve(B)
    desk.master.looked(desk.now, desk.now)
    desk.now += HELD + 0.5
    desk.master.looked(desk.now, desk.now)
    assert (desk.listed(), desk.master.view.complete) == ([A, B], False)
    one.tell(vouch(1, A))
    two.tell(vouch(1, B))
    assert desk.master.view.complete is False
    desk.now += BACKLOG
    desk.master.looked(desk.now, desk.now)
    one.tell(vouch(1, A))
    assert desk.master.view.complete is False
    two.tell(vouch(1, B))
    assert desk.master.view.complete is True


def test_after_a_pause_who_never_speaks_again_leaves_and_the_rest_is_complete() -> None:
    desk = Desk(Policy(settle=0.0, limit=1))
    one = desk.open("one").serve(A)
    desk.open("two").serve(B)
    desk.master.looked(desk.now, desk.now)
    desk.now += 8.0
    desk.master.looked(desk.now, desk.now)
    desk.master.tick(desk.now)
    for _ in range(5):
        one.tell(vouch(1, A))
        assert desk.master.view.complete is False or desk.listed() == [A]
        desk.wait(1.0)
    assert (desk.listed(), desk.master.view.complete) == ([A], True)


def test_a_host_that_was_suspended_is_a_pause_although_the_monotonic_clock_stood_still() -> None:
    desk = Desk()
    stream = desk.open().serve(A)
    desk.master.looked(desk.now, desk.now)
    desk.master.looked(desk.now, desk.now + 3600.0)
    assert (desk.listed(), desk.master.view.complete) == ([A], False)
    desk.wait(desk.policy.interval)
    stream.tell(vouch(1, A))
    assert desk.master.view.complete is True


def test_grace_for_a_late_master_is_not_called_complete() -> None:
    """It forgives the clients what is its own fault, and does not know how they are."""
    desk = Desk()
    stream = desk.open().serve(A)
    due = desk.master.due
    assert due is not None
    desk.now = due + 0.3
    desk.master.tick(desk.now)
    assert (desk.listed(), desk.master.view.complete) == ([A], False)
    stream.tell(vouch(1, A))
    assert desk.master.view.complete is True


def test_a_loop_that_runs_has_nothing_to_forgive() -> None:
    desk = Desk()
    desk.open().serve(A)
    before = desk.master.view
    for _ in range(20):
        desk.now += 0.1
        desk.master.looked(desk.now, desk.now)
    assert desk.master.view is before


def test_a_master_that_stops_is_not_complete_from_that_moment() -> None:
    desk = Desk()
    desk.open().serve(A)
    desk.master.drain()
    assert (desk.listed(), desk.master.view.complete) == ([A], False)


# What people read


def test_who_was_refused_for_its_size_is_listed_with_that_reason() -> None:
    desk = Desk(Policy(settle=0.0, max_files=1))
    desk.open().refused(only(1, A, B))
    client = desk.master.registry.clients["host", b"/d"]
    standing, reason = client.judge()
    assert standing is Standing.UNHEALTHY
    assert "--max-files" in reason


def test_a_refusal_fits_into_a_status_whatever_is_in_it() -> None:
    """It travels in 8 KiB of trailers, and a byte beyond ASCII takes three there."""
    desk = Desk()
    for name in ("é" * 2047, "x" * 4095, "\\" * 4095):
        message = Register("ü" * 255, b"/" + name.encode(), 1, 0, "1.0")
        stream = Stream(desk)
        stream.tell(message)
        rival = Stream(desk).refused(Register(message.host, message.directory, 2, 0, "1.0"))
        assert rival.status is Status.ALREADY_EXISTS
        assert len(rival.message.encode()) <= LIMIT
        assert "--host" in rival.message


def test_a_health_word_of_megabytes_keeps_a_sentence() -> None:
    desk = Desk()
    stream = desk.open().serve(A)
    stream.tell(Health(False, "x" * 1_000_000, 1, 1, digest([A])))
    client = desk.master.registry.clients["host", b"/d"]
    assert len(client.reason) <= 200


@pytest.mark.parametrize("path", [b"relative", b"/\0", b"/" + b"x" * 4096])
def test_a_real_path_that_is_none_is_refused(path: bytes) -> None:
    refusal = Stream(Desk()).refused(Register("host", b"/d", 1, 0, "1.0", real_path=path))
    assert refusal.status is Status.INVALID_ARGUMENT
    assert "real path" in refusal.message


def test_what_an_ended_stream_held_is_let_go_at_once() -> None:
    """Not when the collector comes by: its end may be remembered for a while."""
    desk = Desk(Policy(settle=0.0, max_files=1))
    for end in ("refused", "replaced", "closed"):
        stream = desk.open(acknowledged=0)
        stream.tell(Changes(Part.FIRST, 2, (A,), (), 0, 0))
        assert stream.session.receiving
        if end == "refused":
            stream.refused(Changes(Part.MIDDLE, 2, (B,), (), 0, 0))
        elif end == "replaced":
            desk.open()
        else:
            stream.close()
        assert not stream.session.receiving
        assert not stream.session.outbox
