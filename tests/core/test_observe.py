"""What a batch of inotify events puts in doubt."""

from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scout.agent.core.observe import Event, Mask, Observation, decode, observe

WATCH = 1


def seen(*events: Event, hidden: bool = False) -> Observation:
    return observe(events, WATCH, hidden=hidden)


def entry(mask: Mask, name: bytes) -> Event:
    return (WATCH, mask, 0, name)


def test_each_name_is_doubted_once_in_order() -> None:
    found = seen(entry(Mask.CREATE, b"b"), entry(Mask.DELETE, b"a"), entry(Mask.MOVED_TO, b"b"))
    assert list(found.doubted) == [b"b", b"a"]
    assert found.events == 3
    assert (found.everything, found.lost) == ("", "")


def test_hidden_names_count_on_request_only() -> None:
    assert not seen(entry(Mask.CREATE, b".a")).doubted
    assert list(seen(entry(Mask.CREATE, b".a"), hidden=True).doubted) == [b".a"]


def test_a_batch_that_ends_within_a_rename_says_so() -> None:
    assert seen(entry(Mask.MOVED_FROM, b"a")).half_renamed == b"a"
    whole = seen(entry(Mask.MOVED_FROM, b"a"), entry(Mask.MOVED_TO, b"b"))
    assert whole.half_renamed == b""
    assert list(whole.doubted) == [b"a", b"b"]


def test_an_overflow_puts_everything_in_doubt() -> None:
    assert "overflowed" in seen((-1, Mask.Q_OVERFLOW, 0, b"")).everything


def test_an_unknown_watch_puts_everything_in_doubt() -> None:
    assert seen((9, Mask.CREATE, 0, b"a")).everything


def test_a_canary_is_neither_a_loss_nor_a_doubt() -> None:
    found = seen((9, Mask.IGNORED, 0, b""))
    assert found.proofs == {9}
    assert (found.everything, found.lost, found.doubted) == ("", "", {})


@pytest.mark.parametrize("mask", [Mask.DELETE_SELF, Mask.MOVE_SELF, Mask.UNMOUNT, Mask.IGNORED])
def test_the_end_of_the_watch_is_the_loss_of_the_directory(mask: Mask) -> None:
    assert seen((WATCH, mask, 0, b"")).lost


EVENTS = st.tuples(
    st.integers(-1, 2**31 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.binary(max_size=255).map(lambda name: name.replace(b"\0", b"")),
)


@given(st.lists(EVENTS))
def test_events_are_decoded_as_the_kernel_lays_them_out(events: list[Event]) -> None:
    """A name ends in zeros up to a multiple of the head's size; no name takes no bytes."""
    data = b""
    for wd, mask, cookie, name in events:
        length = (len(name) // 16 + 1) * 16 if name else 0
        data += pack("iIII", wd, mask, cookie, length) + name.ljust(length, b"\0")
    assert list(decode(data)) == events
