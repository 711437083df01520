"""Deltas and snapshots as the master takes them in: whole, in order, or not at all."""

from itertools import pairwise

import pytest

from scout.core.checkpoint import BATCH, PART
from scout.core.messages import Ack, Changes, Health, Part, Progress
from scout.core.names import digest
from scoutmaster.core.policy import Policy
from scoutmaster.core.refusal import Status
from tests.core.conversation import Desk, Stream, delta, is_resync, only, part, vouch

A, B, C, D = b"a", b"b", b"c", b"d"


# Deltas


def test_deltas_are_applied_and_acknowledged_one_by_one() -> None:
    desk = Desk()
    stream = desk.open().serve(A, B)
    assert stream.tell(delta(2, (A, B), (C,), (A,))) == [Ack(2)]
    assert stream.tell(delta(3, (B, C), (), (B,))) == [Ack(3)]
    assert desk.listed() == [C]


def test_two_unacknowledged_deltas_in_order_are_both_applied() -> None:
    """Ours sends one at a time; one that sends more, in order, loses nothing."""
    desk = Desk()
    stream = desk.open().serve(A)
    desk.master.received(stream.session, delta(2, (A,), (B,), ()), desk.now)
    desk.master.received(stream.session, delta(3, (A, B), (C,), ()), desk.now)
    assert stream.heard() == [Ack(2), Ack(3)]
    assert desk.listed() == [A, B, C]


@pytest.mark.parametrize("sequence", [0, 1, 3, 2**64 - 1])
def test_a_delta_out_of_order_asks_for_a_snapshot(sequence: int) -> None:
    """An older list never overwrites a newer one, and a gap is never bridged by guessing."""
    desk = Desk()
    stream = desk.open().serve(A)
    assert is_resync(stream.tell(delta(sequence, (A,), (B,), ())))
    assert desk.listed() == []
    assert desk.master.tally.resyncs == {"gap": 1}
    assert stream.tell(only(9, A, B)) == [Ack(9)]
    assert desk.listed() == [A, B]


def test_a_delta_before_any_snapshot_is_void() -> None:
    """Who was told to send a snapshot may have had a delta on the way."""
    desk = Desk()
    stream = desk.open()
    assert stream.tell(delta(1, (), (A,), ())) == []
    stream.serve(A, B)
    assert desk.listed() == [A, B]


@pytest.mark.parametrize(
    ("added", "removed"), [((A,), ()), ((), (C,)), ((C, C), ()), ((), (A, A)), ((C,), (C,))]
)
def test_a_delta_that_does_not_fit_asks_for_a_snapshot(
    added: tuple[bytes, ...], removed: tuple[bytes, ...]
) -> None:
    """Even where its count and digest were right: a name added twice, or removed unheld."""
    desk = Desk()
    stream = desk.open().serve(A, B)
    total = digest([A, B, *added]) - digest(removed)
    count = 2 + len(added) - len(removed)
    changes = Changes(Part.DELTA, 2, added, removed, count, total % 2**64)
    assert is_resync(stream.tell(changes))
    assert desk.listed() == []
    assert desk.master.tally.resyncs == {"misfit": 1}


def test_a_digest_that_does_not_match_asks_for_a_snapshot() -> None:
    desk = Desk()
    stream = desk.open().serve(A)
    assert is_resync(stream.tell(Changes(Part.DELTA, 2, (B,), (), 2, 12345)))
    assert desk.listed() == []
    assert stream.tell(only(3, A, B)) == [Ack(3)]
    assert desk.listed() == [A, B]
    assert is_resync(stream.tell(Changes(Part.DELTA, 4, (C,), (), 99, digest([A, B, C]))))
    assert desk.listed() == []
    assert desk.master.tally.resyncs == {"digest": 2}


def test_what_was_on_its_way_when_a_resync_was_asked_for_is_void() -> None:
    """Neither applied nor asked about again: one Resync answers all of it."""
    desk = Desk()
    stream = desk.open().serve(A)
    assert is_resync(stream.tell(delta(5, (A,), (B,), ())))
    assert stream.tell(delta(6, (A, B), (C,), ())) == []
    assert stream.tell(vouch(6, A, B, C)) == []
    assert desk.listed() == []
    stream.serve(A, B, C, sequence=7)
    assert desk.listed() == [A, B, C]
    assert stream.tell(delta(8, (A, B, C), (), (A,))) == [Ack(8)]


@pytest.mark.parametrize(
    "name", [b"", b".", b"..", b"a/b", b"/", b"a\0b", b"x" * 4096], ids=lambda it: repr(it)[:12]
)
@pytest.mark.parametrize("kind", ["added", "removed", "snapshot"])
def test_what_is_no_file_name_ends_the_stream(name: bytes, kind: str) -> None:
    """Whatever such an agent holds: it is not shown on, and another's list is not touched."""
    desk = Desk()
    desk.open("other").serve(B)
    stream = desk.open().serve(A)
    changes = {
        "added": Changes(Part.DELTA, 2, (B, name), (), 0, 0),
        "removed": Changes(Part.DELTA, 2, (), (A, name), 0, 0),
        "snapshot": Changes(Part.ONLY, 2, sorted((A, name)), (), 0, 0),
    }[kind]
    refusal = stream.refused(changes)
    assert refusal.status is Status.INVALID_ARGUMENT
    assert "bug in the agent" in refusal.message
    assert desk.listed() == [B]


def test_names_as_long_as_the_kernel_takes_that_are_not_utf8_are_fine() -> None:
    desk = Desk()
    longest = b"\xff" * 4095
    desk.open().serve(longest)
    assert desk.listed() == [longest]


# Snapshots


def test_a_snapshot_in_parts_is_shown_whole_or_not_at_all() -> None:
    """While it is on its way the state before it is shown, and health is taken in."""
    desk = Desk()
    stream = desk.open().serve(A)
    assert stream.tell(part(Part.FIRST, 2, A, B)) == [Progress(2, 1)]
    assert stream.tell(Health(True, "", 0, 0, 0)) == []
    assert stream.tell(part(Part.MIDDLE, 2, C)) == [Progress(2, 2)]
    assert desk.listed() == [A]
    assert stream.tell(part(Part.LAST, 2, D, whole=(A, B, C, D))) == [Ack(2)]
    assert desk.listed() == [A, B, C, D]


def test_a_last_part_may_be_empty() -> None:
    desk = Desk()
    stream = desk.open().serve()
    stream.tell(part(Part.FIRST, 2, A))
    assert stream.tell(part(Part.LAST, 2, whole=(A,))) == [Ack(2)]
    assert desk.listed() == [A]


def test_a_snapshot_that_begins_anew_forgets_the_unfinished_one() -> None:
    desk = Desk()
    stream = desk.open().serve()
    stream.tell(part(Part.FIRST, 2, A, B))
    stream.tell(part(Part.FIRST, 3, C))
    assert stream.tell(part(Part.LAST, 3, D, whole=(C, D))) == [Ack(3)]
    assert desk.listed() == [C, D]


@pytest.mark.parametrize(
    "parts",
    [
        [part(Part.MIDDLE, 2, A)],
        [part(Part.LAST, 2, A, whole=(A,))],
        [part(Part.FIRST, 2, A), part(Part.LAST, 3, B, whole=(A, B))],
        [part(Part.FIRST, 2, B), part(Part.LAST, 2, A, whole=(A, B))],
        [part(Part.FIRST, 2, A), part(Part.LAST, 2, A, whole=(A, A))],
        [only(2, B, A)],
        [only(2, A, A)],
        [part(Part.FIRST, 2)],
        [part(Part.FIRST, 2, A), part(Part.MIDDLE, 2)],
        [part(Part.FIRST, 2, A), delta(2, (A,), (B,), ())],
        [part(Part.FIRST, 2, A), part(Part.LAST, 2, B, whole=(A, B)), part(Part.LAST, 2, C)],
        [Changes(Part.ONLY, 2, (A,), (B,), 1, digest([A]))],
    ],
    ids=[
        "middle alone",
        "last alone",
        "another sequence",
        "descending across parts",
        "twice across parts",
        "descending",
        "twice",
        "empty first",
        "empty middle",
        "a delta within",
        "more after the last",
        "with removed names",
    ],
)
def test_parts_that_are_no_snapshot_end_the_stream(parts: list[Changes]) -> None:
    desk = Desk()
    desk.open("other").serve(D)
    stream = desk.open().serve()
    for it in parts[:-1]:
        stream.tell(it)
    refusal = stream.refused(parts[-1])
    assert refusal.status is Status.INVALID_ARGUMENT
    assert desk.listed() == [D]


@pytest.mark.parametrize(("count", "total"), [(3, digest([A, B])), (2, 0)])
def test_a_snapshot_that_is_not_what_it_claims_is_not_taken_in(count: int, total: int) -> None:
    desk = Desk()
    stream = desk.open().serve(A)
    assert is_resync(stream.tell(Changes(Part.ONLY, 2, (A, B), (), count, total)))
    assert desk.listed() == []
    assert desk.master.tally.resyncs == {"digest": 1}


def test_parts_of_a_snapshot_that_a_resync_made_void_are_passed_over() -> None:
    """Health showed a difference in the midst of one; its rest arrives before the next."""
    desk = Desk()
    stream = desk.open().serve(A)
    assert is_resync(stream.tell(vouch(1, A, B)))
    assert stream.tell(part(Part.MIDDLE, 2, B)) == []
    assert stream.tell(part(Part.LAST, 2, C, whole=(A, B, C))) == []
    assert desk.listed() == []
    stream.serve(A, B, sequence=3)
    assert desk.listed() == [A, B]


def test_more_files_than_the_limit_end_the_stream_and_name_the_option() -> None:
    """In a snapshot before its end, and in a delta; as many as the limit are fine."""
    desk = Desk(Policy(settle=0.0, max_files=3))
    refusal = desk.open().refused(only(1, A, B, C, D))
    assert refusal.status is Status.RESOURCE_EXHAUSTED
    assert "--max-files" in refusal.message
    early = desk.open(epoch=2)
    early.tell(part(Part.FIRST, 1, A, B))
    assert early.refused(part(Part.MIDDLE, 1, C, D)).status is Status.RESOURCE_EXHAUSTED
    growing = desk.open(epoch=3).serve(A, B, C)
    assert desk.listed() == [A, B, C]
    refusal = growing.refused(delta(2, (A, B, C), (D,), ()))
    assert refusal.status is Status.RESOURCE_EXHAUSTED
    assert "--max-files" in refusal.message


def test_what_changes_in_a_broken_stream_s_last_moments_is_sent_again_after_it() -> None:
    """The acknowledgement was lost, not the change: resuming tells the agent so."""
    desk = Desk()
    stream = desk.open(epoch=1).serve(A)
    stream.tell(delta(2, (A,), (B,), ()))
    stream.close()
    again = desk.open(epoch=1, acknowledged=1)
    assert [getattr(it, "resume_after", None) for it in again.greeting] == [2]
    again.tell(vouch(2, A, B))
    assert desk.listed() == [A, B]


def test_a_snapshot_cut_off_by_a_broken_stream_leaves_what_was_before() -> None:
    desk = Desk()
    stream = desk.open(epoch=1).serve(A)
    stream.tell(part(Part.FIRST, 2, B))
    stream.close()
    again = desk.open(epoch=1, acknowledged=1)
    assert [getattr(it, "resume_after", None) for it in again.greeting] == [1]
    again.tell(vouch(1, A))
    assert desk.listed() == [A]


def test_a_crowd_of_names_in_one_delta() -> None:
    """2,048 at once, in the middle of 20,000: the order stays that of bytes."""
    desk = Desk()
    names = tuple(b"%05d" % number for number in range(0, 40_000, 2))
    stream = desk.open()
    stream.serve(*names)
    added = tuple(b"%05d" % number for number in range(1, 2 * BATCH, 2))
    assert stream.tell(delta(2, names, added, ())) == [Ack(2)]
    listed = desk.listed()
    assert all(before < after for before, after in pairwise(listed))
    assert set(listed) == {*names, *added}


def test_agents_in_turn_do_not_disturb_each_other() -> None:
    """Ten agents, each delta of one between those of the others."""
    desk = Desk()
    streams: list[Stream] = [desk.open(f"host{it}").serve() for it in range(10)]
    held: tuple[bytes, ...] = ()
    for step in range(20):
        for stream in streams:
            assert stream.tell(delta(step + 2, held, (b"%02d" % step,), ())) == [Ack(step + 2)]
        held += (b"%02d" % step,)
    assert desk.listed() == sorted(held * 10)


@pytest.mark.parametrize("message", ["delta", "part"])
def test_a_message_that_would_hold_everybody_up_is_refused(message: str) -> None:
    """However many names fit into a message, the master takes in what it can do in a moment."""
    names = tuple(b"%05d" % number for number in range(PART + 1))
    stream = Desk().open().serve()
    big = delta(2, (), names[: BATCH + 1], ()) if message == "delta" else only(2, *names)
    refusal = stream.refused(big)
    assert refusal.status is Status.INVALID_ARGUMENT
    assert "more than" in refusal.message
