"""Whether what is published may be relied on at this very moment.

A view says what was known when it was made. A reader asks later, and perhaps while the event loop
is held or has just been: then nobody has looked, and what nobody has looked at is not complete.
So this is answered anew at each read, from the view and from how the loop does.

Pure, and cheap: a microsecond at each request.
"""

from dataclasses import dataclass
from typing import NamedTuple

from scoutmaster.core.registry import LATE

HELD = 1.0
"""Seconds since the event loop last ran, after which the list is no longer vouched for. It runs
every 0.1 s and is held for 0.1 s at worst; an agent may be as late with its word by default."""

DEAD = 10.0
"""Seconds that the event loop may be held before the master calls itself ill."""


class Pulse(NamedTuple):
    """How the event loop does. Made at each request: a third of the time that a dataclass
    takes."""

    seen_at: float
    """When it ran last, in seconds of a clock that goes on while the host is suspended."""
    due: float | None
    """When the first client would be late, or something else has to be decided, in monotonic
    seconds: by then it must have looked again. None: nothing is to be decided."""
    serving: bool
    settled: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may be said now. The texts are empty, or say why not."""

    current: bool
    """Nothing that the view says may have become untrue unnoticed."""
    unready: str
    """Why the list should not be relied on yet."""
    ill: str
    """Why the master is of no use."""


WELL = Verdict(True, "", "")


def judge(pulse: Pulse, now: float, boot: float) -> Verdict:
    """The verdict at `now` by the monotonic clock, and `boot` by that which goes on while the host
    is suspended. The pulse must have been taken before the view that it is about, and the times
    after it: whatever comes in between is then on the safe side."""
    held = boot - pulse.seen_at
    current = held <= HELD and (pulse.due is None or now <= pulse.due + LATE)
    if current and pulse.serving and pulse.settled:
        return WELL
    still = f"the event loop has been held for {held:.0f} s" if held > HELD else ""
    ill = still if held > DEAD else ""
    if not pulse.serving:
        unready = "the master is shutting down"
    elif not pulse.settled:
        unready = "the master has just started and waits for its agents"
    else:
        unready = still
    return Verdict(current, ill or unready, ill)
