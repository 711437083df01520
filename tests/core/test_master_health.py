"""What a word of health tells the master, and what it does when something does not fit."""

from scout.core.messages import Ack, Health, Part, Registered
from scout.core.names import digest
from scoutmaster.core.registry import Standing
from tests.core.conversation import Desk, delta, is_resync, part, vouch

A, B, C, D = b"a", b"b", b"c", b"d"


def test_a_word_of_health_finds_what_deltas_alone_would_not() -> None:
    """The same sequence with another digest: a bug somewhere, mended by a snapshot."""
    desk = Desk()
    stream = desk.open().serve(A)
    assert is_resync(stream.tell(vouch(1, B)))
    assert stream.tell(vouch(1, B)) == []
    assert desk.master.tally.resyncs == {"digest": 1}


def test_what_is_proven_wrong_is_shown_no_more_until_the_next_snapshot() -> None:
    """Whatever the agent says of its health meanwhile; the reader is told that a client lacks."""
    desk = Desk()
    desk.open("other").serve(D)
    stream = desk.open().serve(A)
    assert is_resync(stream.tell(vouch(1, B)))
    assert (desk.listed(), desk.master.view.complete) == ([D], False)
    [_, client] = desk.master.registry.clients.values()
    standing, reason = client.judge()
    assert standing is Standing.UNHEALTHY
    assert "out of step" in reason
    stream.tell(vouch(1, B))
    stream.tell(part(Part.FIRST, 2, A))
    assert (desk.listed(), desk.master.view.complete) == ([D], False)
    stream.tell(part(Part.LAST, 2, B, whole=(A, B)))
    assert (desk.listed(), desk.master.view.complete) == ([A, B, D], True)


def test_what_is_proven_wrong_is_not_resumed_by_a_new_stream() -> None:
    desk = Desk()
    stream = desk.open(epoch=3).serve(A)
    assert is_resync(stream.tell(vouch(1, B)))
    stream.close()
    [greeting] = desk.open(epoch=3, acknowledged=1).greeting
    assert isinstance(greeting, Registered)
    assert greeting.resume_after is None


def test_health_of_another_sequence_asks_for_a_snapshot() -> None:
    desk = Desk()
    stream = desk.open().serve(A)
    assert is_resync(stream.tell(vouch(2, A, B)))
    assert desk.master.tally.resyncs == {"gap": 1}


def test_a_directory_that_is_unavailable_is_not_shown_and_what_it_holds_is_kept() -> None:
    """Its changes are taken in all the same; it returns without a snapshot."""
    desk = Desk()
    stream = desk.open().serve(A)
    stream.tell(Health(False, "permission denied", 1, 1, digest([A])))
    assert desk.listed() == []
    [client] = desk.master.registry.clients.values()
    assert client.judge()[1] == "permission denied"
    assert stream.tell(delta(2, (A,), (B,), ())) == [Ack(2)]
    assert desk.listed() == []
    stream.tell(vouch(2, A, B))
    assert desk.listed() == [A, B]
    assert desk.master.tally.resyncs == {}


def test_a_reason_of_a_megabyte_is_cut() -> None:
    desk = Desk()
    stream = desk.open().serve(A)
    stream.tell(Health(False, "x" * 1_000_000, 1, 1, digest([A])))
    [client] = desk.master.registry.clients.values()
    assert len(client.judge()[1]) == 200
