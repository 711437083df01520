"""One agent's claim as the master sees it: who gets it, who is refused, and what ends a stream."""

import pytest

from scout.core.messages import (
    Ack,
    AgentMessage,
    Deregister,
    Health,
    MasterHealth,
    Register,
    Registered,
)
from scoutmaster.core.refusal import Status
from scoutmaster.core.session import LIMIT
from tests.core.conversation import Desk, Stream, delta, only, vouch

# Claims


def test_a_new_claim_is_granted_and_a_snapshot_is_wanted() -> None:
    stream = Desk().open()
    assert stream.greeting == [Registered(None, 2.0, 1.0, 23.0, serving=True)]


def test_nothing_is_shown_before_the_snapshot_is_whole_and_vouched_for() -> None:
    desk = Desk()
    stream = desk.open()
    assert stream.tell(only(1, b"a")) == [Ack(1)]
    assert desk.listed() == []
    stream.tell(vouch(1, b"a"))
    assert desk.listed() == [b"a"]


def test_a_claim_that_is_held_is_refused_and_the_refusal_names_the_holder() -> None:
    """The holder is not disturbed, even if its stream is asked for by a hundred others."""
    desk = Desk()
    holder = desk.open(epoch=1).serve(b"a")
    desk.now += 60.0
    for epoch in range(2, 102):
        rival = Stream(desk)
        refusal = rival.refused(Register("host", b"/d", epoch, 0, "1.0"))
        assert refusal.status is Status.ALREADY_EXISTS
        assert "10.0.0.1:5" in refusal.message
        assert "60 s" in refusal.message
        assert "--host" in refusal.message
    assert desk.listed() == [b"a"]
    assert holder.tell(delta(2, (b"a",), (b"b",), ())) == [Ack(2)]


def test_the_same_agent_on_a_new_stream_takes_its_claim_over_and_resumes() -> None:
    """The old stream may not know yet that it is dead. It ends; its end changes nothing."""
    desk = Desk()
    old = desk.open(epoch=1).serve(b"a")
    new = desk.open(epoch=1, acknowledged=1)
    assert new.greeting == [Registered(1, 2.0, 1.0, 23.0, serving=True)]
    assert old.session.ended is not None
    assert old.session.ended.status is Status.ABORTED
    assert old.session in desk.master.take_awake()
    old.close()
    new.tell(vouch(1, b"a"))
    assert new.tell(delta(2, (b"a",), (b"b",), ())) == [Ack(2)]
    assert desk.listed() == [b"a", b"b"]


def test_what_a_stream_says_after_it_was_taken_over_is_not_heard() -> None:
    """A change that was on its way in the old stream must not be applied twice, or late."""
    desk = Desk()
    old = desk.open(epoch=1).serve(b"a")
    new = desk.open(epoch=1, acknowledged=1).serve(b"a", b"z", sequence=5)
    assert old.refused(delta(2, (b"a",), (b"b",), ())).status is Status.ABORTED
    assert new.tell(vouch(5, b"a", b"z")) == []
    assert desk.listed() == [b"a", b"z"]


def test_resuming_needs_that_the_master_holds_what_was_acknowledged() -> None:
    """An agent that knows more than the master (which restarted) must send a snapshot."""
    desk = Desk()
    desk.open(epoch=1).serve(b"a").close()
    assert desk.open(epoch=1, acknowledged=9).greeting == [
        Registered(None, 2.0, 1.0, 23.0, serving=True)
    ]


def test_an_agent_that_was_started_anew_replaces_the_one_whose_stream_broke() -> None:
    """It needs a snapshot, and nothing of the old one is shown meanwhile."""
    desk = Desk()
    desk.open(epoch=1).serve(b"old").close()
    new = desk.open(epoch=2, acknowledged=1)
    assert new.greeting == [Registered(None, 2.0, 1.0, 23.0, serving=True)]
    assert desk.listed() == []
    new.serve(b"new")
    assert desk.listed() == [b"new"]
    assert desk.master.tally.deregistrations == {"replaced": 1}


def test_two_hosts_may_have_the_same_path() -> None:
    desk = Desk()
    desk.open("one").serve(b"a")
    desk.open("two").serve(b"a")
    assert desk.listed() == [b"a", b"a"]


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (Register("", b"/d", 1, 0, "1"), "--host"),
        (Register("x" * 256, b"/d", 1, 0, "1"), "--host"),
        (Register("two\nlines", b"/d", 1, 0, "1"), "--host"),
        (Register("h", b"d", 1, 0, "1"), "absolute"),
        (Register("h", b"", 1, 0, "1"), "absolute"),
        (Register("h", b"/a\0b", 1, 0, "1"), "absolute"),
        (Register("h", b"/" * 4097, 1, 0, "1"), "4,096"),
        (Register("h", b"/d", 1, 0, "v" * 65), "version"),
        (Register("h", b"/d", 1, 0, "\x1b[2J"), "version"),
    ],
)
def test_what_is_no_claim_is_refused(message: Register, says: str) -> None:
    desk = Desk()
    refusal = Stream(desk).refused(message)
    assert refusal.status is Status.INVALID_ARGUMENT
    assert says in refusal.message
    assert desk.master.registry.clients == {}
    assert desk.master.tally.refusals == {"invalid_argument": 1}


@pytest.mark.parametrize(
    "message",
    [only(1, b"a"), Health(True, "", 1, 0, 0), Deregister(), delta(1, (), (b"a",), ())],
)
def test_a_stream_begins_with_register(message: AgentMessage) -> None:
    """Nobody may speak for, or deregister, a claim that is not its own."""
    desk = Desk()
    desk.open().serve(b"a")
    assert Stream(desk).refused(message).status is Status.INVALID_ARGUMENT
    assert desk.listed() == [b"a"]


def test_a_stream_registers_once() -> None:
    """Not even for another claim: one stream is one client."""
    desk = Desk()
    stream = desk.open().serve(b"a")
    assert stream.refused(Register("other", b"/d", 1, 0, "1")).status is Status.INVALID_ARGUMENT
    assert list(desk.master.registry.clients) == [("host", b"/d")]


def test_after_a_goodbye_nothing_is_left() -> None:
    desk = Desk()
    stream = desk.open().serve(b"a")
    assert stream.tell(Deregister()) == []
    assert desk.listed() == []
    assert desk.master.registry.clients == {}
    assert stream.refused(only(2, b"b")).status is Status.INVALID_ARGUMENT


def test_a_draining_master_accepts_nobody_new() -> None:
    desk = Desk()
    held = desk.open().serve(b"a")
    desk.master.drain()
    assert held.heard() == [MasterHealth(serving=False)]
    refusal = Stream(desk).refused(Register("other", b"/d", 1, 0, "1"))
    assert refusal.status is Status.UNAVAILABLE


# The outbox


def test_an_agent_that_does_not_read_is_ended_before_it_costs_memory() -> None:
    desk = Desk()
    stream = desk.open()
    names: tuple[bytes, ...] = ()
    stream.session.outbox.clear()
    desk.master.received(stream.session, only(1), desk.now)
    for number in range(LIMIT - 1):
        name = b"%d" % number
        desk.master.received(stream.session, delta(number + 2, names, (name,), ()), desk.now)
        names += (name,)
    assert stream.session.ended is None
    desk.master.received(stream.session, delta(LIMIT + 1, names, (b"x",), ()), desk.now)
    assert not stream.session.outbox
    assert stream.session.ended is not None
    assert stream.session.ended.status is Status.RESOURCE_EXHAUSTED
    assert stream.session in desk.master.take_awake()
    assert stream.refused(only(99)).status is Status.RESOURCE_EXHAUSTED
