"""What a reader is told: when the list is complete, and that each revision is whole."""

from scout.core.messages import (
    Ack,
    Deregister,
    Health,
    MasterHealth,
    MasterMessage,
    Part,
    Registered,
)
from scout.core.names import digest
from scoutmaster.core.catalog import SMALL
from scoutmaster.core.policy import Policy
from scoutmaster.core.registry import Standing
from scoutmaster.core.view import View
from tests.core.conversation import Desk, Stream, delta, only, part, vouch

A, B = b"a", b"b"
MANY = tuple(b"%06d" % number for number in range(5000))


def names(view: View) -> list[bytes]:
    return [name for chunk in view.chunks for name in chunk.names]


def work(desk: Desk) -> list[View]:
    """Do all that is left to do; the views that were to be seen on the way."""
    seen = [desk.master.view]
    while desk.master.work():
        seen.append(desk.master.view)
    seen.append(desk.master.view)
    return seen


# Complete


def test_an_empty_master_is_complete_only_after_it_has_settled() -> None:
    """Before that, an empty list would be a lie: the agents may be on their way."""
    desk = Desk(Policy(settle=10.0))
    assert desk.master.view.complete is False
    assert desk.master.deadline() == desk.now + 10.0
    desk.master.tick(desk.now + 9.9)
    assert desk.master.view.complete is False
    desk.master.tick(desk.now + 10.0)
    assert desk.master.view.complete is True
    assert desk.master.deadline() is None


def test_a_settling_master_shows_what_it_has() -> None:
    desk = Desk(Policy(settle=10.0))
    desk.open().serve(A)
    assert (names(desk.master.view), desk.master.view.complete) == ([A], False)


def test_the_expected_clients_settle_a_master_early() -> None:
    """All healthy, and nobody who is not: then there is nothing to wait for."""
    desk = Desk(Policy(settle=10.0, expected=2))
    desk.open("one").serve(A)
    assert desk.master.settled is False
    second = desk.open("two")
    second.tell(only(1, B))
    assert desk.master.settled is False
    second.tell(vouch(1, B))
    assert desk.master.settled is True
    assert desk.master.view.complete is True


def test_the_expected_clients_settle_a_master_only_once_their_files_are_seen() -> None:
    """A large first snapshot takes a pass; who reads before its end reads an empty list."""
    desk = Desk(Policy(settle=10.0, expected=1))
    desk.open().serve(*MANY)
    assert (names(desk.master.view), desk.master.settled) == ([], False)
    work(desk)
    assert (len(names(desk.master.view)), desk.master.settled) == (len(MANY), True)


def test_fewer_clients_than_expected_are_never_complete() -> None:
    """However long it waits: one whose host did not boot is missed."""
    desk = Desk(Policy(settle=10.0, expected=2))
    desk.open("one").serve(A)
    desk.master.settled = True
    desk.master.tick(desk.now + 1.0)
    assert desk.master.view.complete is False
    desk.open("two").serve(B)
    assert desk.master.view.complete is True


def test_more_clients_than_expected_are_complete() -> None:
    desk = Desk(Policy(settle=0.0, expected=1))
    desk.open("one").serve(A)
    desk.open("two").serve(B)
    assert desk.master.view.complete is True


def test_one_unhealthy_client_makes_the_list_incomplete_until_it_is_given_up() -> None:
    """Hidden, it is counted; deregistered, it is gone."""
    desk = Desk(Policy(settle=0.0, interval=2.0, limit=2))
    desk.open("one").serve(A)
    desk.open("two").serve(B).close()
    view = desk.master.view
    assert (names(view), view.complete, view.healthy, view.unhealthy) == ([A], False, 1, 1)
    one = desk.master.registry.clients["one", b"/d"]
    while ("two", b"/d") in desk.master.registry.clients:
        assert desk.master.view.unhealthy == 1
        due = desk.master.deadline()
        assert due is not None
        desk.master.tick(due)
        desk.master.registry.heard(one, due)
    view = desk.master.view
    assert (names(view), view.complete, view.healthy, view.unhealthy) == ([A], True, 1, 0)
    assert desk.master.tally.deregistrations == {"unhealthy": 1}


def test_a_client_that_has_just_registered_makes_the_list_incomplete() -> None:
    """Its files are expected from the moment that it is known."""
    desk = Desk()
    desk.open("one").serve(A)
    assert desk.master.view.complete is True
    desk.open("two")
    assert desk.master.view.complete is False


def test_the_list_is_not_complete_while_a_large_change_is_under_way() -> None:
    desk = Desk()
    desk.open("one").serve(*MANY)
    assert desk.master.view.complete is False
    work(desk)
    assert desk.master.view.complete is True


# Whole


def test_a_large_client_is_shown_and_hidden_in_one_step() -> None:
    """A reader sees all of its files or none, whichever slice of the work it looks between."""
    desk = Desk()
    desk.open("small").serve(A, B)
    stream = desk.open("large").serve(*MANY)
    whole = sorted([A, B, *MANY])
    assert {len(names(view)) for view in work(desk)} == {2, len(whole)}
    assert names(desk.master.view) == whole
    stream.close()
    seen = work(desk)
    assert {len(names(view)) for view in seen} == {2, len(whole)}
    assert [view.complete for view in seen if len(names(view)) == len(whole)] == [False] * sum(
        len(names(view)) == len(whole) for view in seen
    )


def test_a_large_snapshot_replaces_the_one_before_in_one_step() -> None:
    desk = Desk()
    before, after = MANY[:3000], MANY[2000:]
    stream = desk.open().serve(*before)
    work(desk)
    stream.serve(*after, sequence=2)
    assert {tuple(names(view)) for view in work(desk)} == {before, after}


def test_a_small_change_is_seen_at_once_while_a_large_one_is_made() -> None:
    desk = Desk()
    small = desk.open("small").serve(A)
    desk.open("large").serve(*MANY)
    desk.master.work()
    small.tell(delta(2, (A,), (B,), (A,)))
    assert names(desk.master.view) == [B]
    work(desk)
    assert names(desk.master.view) == sorted([B, *MANY])


def test_changes_of_a_client_that_is_on_its_way_in_arrive_with_it() -> None:
    desk = Desk()
    stream = desk.open().serve(*MANY)
    desk.master.work()
    assert stream.tell(delta(2, MANY, (A,), (MANY[0],))) == [Ack(2)]
    seen = {tuple(names(view)) for view in work(desk)}
    assert seen == {(), (*MANY[1:], A)}


def test_a_client_that_leaves_while_it_is_on_its_way_in_is_never_shown_afterwards() -> None:
    desk = Desk()
    stream = desk.open().serve(*MANY)
    desk.master.work()
    stream.tell(Deregister())
    work(desk)
    assert names(desk.master.view) == []
    assert desk.master.view.complete is True
    desk.master.catalog.check()


def test_a_view_that_a_reader_holds_never_changes() -> None:
    desk = Desk()
    stream = desk.open().serve(A)
    held = desk.master.view
    stream.tell(delta(2, (A,), (B,), ()))
    stream.close()
    assert (names(held), held.files, held.complete) == ([A], 1, True)


# Revisions


def views_differ(one: View, other: View) -> bool:
    """In anything that a reader of `/files` sees."""
    return (names(one), one.complete, one.healthy, one.unhealthy) != (
        names(other),
        other.complete,
        other.healthy,
        other.unhealthy,
    )


def test_a_revision_changes_if_and_only_if_something_visible_does() -> None:
    """An ETag must not hide a change, and must not invent one."""
    desk = Desk()
    first = desk.open("one")
    steps: list[tuple[bool, object]] = []
    before = desk.master.view

    def saw(expected: bool, what: object) -> None:
        nonlocal before
        after = desk.master.view
        changed = after.revision != before.revision
        steps.append((changed, what))
        assert changed is expected, what
        assert views_differ(before, after) is changed, what
        before = after

    first.tell(only(1, A))
    saw(False, "a snapshot of a client that does not vouch for it yet")
    first.tell(vouch(1, A))
    saw(True, "its health")
    first.tell(vouch(1, A))
    saw(False, "its health again")
    first.tell(delta(2, (A,), (B,), ()))
    saw(True, "a file")
    first.tell(delta(3, (A, B), (), ()))
    saw(False, "an empty delta")
    first.tell(only(4, A, B))
    saw(False, "a snapshot of the same")
    desk.master.tick(desk.now + 1.9)
    saw(False, "a look at who is silent")
    stranger = Stream(desk)
    stranger.close()
    saw(False, "a stream that never said a word")
    second = desk.open("two")
    saw(True, "one more client")
    second.tell(Health(False, "gone", 0, 0, 0))
    saw(False, "another reason for what is unhealthy already")
    second.serve()
    saw(True, "an empty directory that is healthy")
    second.tell(part(Part.FIRST, 2, A))
    saw(False, "a part of a snapshot")
    second.close()
    saw(True, "a broken stream")
    desk.master.drain()
    saw(False, "draining")


def test_revisions_of_two_masters_are_never_the_same() -> None:
    """A restarted master must not answer 304 for the list of the one before."""
    from scoutmaster.core.master import Master

    one, two = Master(Policy(), 1, 0.0, 0.0), Master(Policy(), 2, 0.0, 0.0)
    assert one.view.revision != two.view.revision
    assert one.view.revision.rpartition("-")[2] == two.view.revision.rpartition("-")[2]


# Signs of life, and turns


def test_an_agent_hears_now_and_then_that_the_master_lives_and_serves() -> None:
    """No port of the agent's is needed."""
    desk = Desk()
    stream = desk.open().serve(A)
    said: list[MasterMessage] = []
    while not said:
        desk.wait(desk.policy.interval)
        said = stream.tell(vouch(1, A))
    assert said == [MasterHealth(serving=True)]
    assert stream.session in desk.master.take_awake()


def test_a_late_word_costs_no_registration_and_no_snapshot() -> None:
    """The files return with the very next word."""
    desk = Desk()
    stream = desk.open().serve(A)
    desk.wait(desk.policy.interval + desk.policy.timeout)
    assert names(desk.master.view) == []
    assert desk.master.view.complete is False
    assert stream.tell(vouch(1, A)) == []
    assert names(desk.master.view) == [A]
    assert desk.master.view.complete is True


def test_a_silent_agent_is_given_up_and_its_stream_is_ended() -> None:
    desk = Desk(Policy(settle=0.0, limit=3))
    stream = desk.open().serve(A)
    desk.wait(4 * desk.policy.interval)
    assert desk.master.registry.clients == {}
    assert stream.session.ended is not None
    assert "not a word for 7.0 s" in stream.session.ended.message
    assert stream.session in desk.master.take_awake()
    stream.close()
    assert desk.open(epoch=7, acknowledged=1).greeting == [
        Registered(None, 2.0, 1.0, 23.0, serving=True)
    ]


def test_draining_tells_every_agent_and_takes_in_what_is_on_its_way() -> None:
    desk = Desk()
    streams = [desk.open(host).serve() for host in ("one", "two")]
    desk.master.take_awake()
    desk.master.drain()
    assert desk.master.take_awake() == [it.session for it in streams]
    assert [it.heard() for it in streams] == [[MasterHealth(serving=False)]] * 2
    assert streams[0].tell(delta(2, (), (A,), ())) == [Ack(2)]
    assert names(desk.master.view) == [A]


def test_each_change_of_standing_is_one_turn_for_the_log() -> None:
    """Bad ones are what an operator may want to know: lost health, and being given up."""
    desk = Desk(Policy(settle=0.0, limit=1))
    desk.open().serve(A).close()
    desk.wait(desk.policy.interval)
    turns = desk.master.take_turns()
    assert [(it.before, it.after, it.bad) for it in turns] == [
        (None, Standing.SYNCING, False),
        (Standing.SYNCING, Standing.HEALTHY, False),
        (Standing.HEALTHY, Standing.UNHEALTHY, True),
        (Standing.UNHEALTHY, None, True),
    ]
    assert desk.master.take_turns() == []
    desk.open().serve(A).tell(Deregister())
    assert [it.bad for it in desk.master.take_turns()] == [False] * 3


def test_small_and_large_clients_are_the_same_to_a_reader() -> None:
    """Just below and just above the bound between them."""
    for count in (SMALL - 1, SMALL, SMALL + 1):
        desk = Desk()
        stream = desk.open().serve(*MANY[:count])
        assert desk.listed() == list(MANY[:count])
        state = desk.master.registry.clients["host", b"/d"].state
        assert (state.count, state.digest) == (count, digest(MANY[:count]))
        stream.close()
        assert desk.listed() == []
