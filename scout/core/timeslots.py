"""Moments that many have in common, so that what they do every few seconds wakes a program once
for several of them. Pure functions; times and lengths in seconds.
"""

ROUND = 0.05
"""Seconds between two rounds. Of 1,000 clients that speak every 2 s a round takes 25: to hear them
together costs two thirds of hearing them one by one."""

ROUNDS = 40
"""Rounds in an interval at least, so that short intervals are spread as well."""


def length(interval: float) -> float:
    """Seconds between two rounds of what is done every `interval` seconds."""
    return min(ROUND, interval / ROUNDS)


def before(time: float, step: float) -> float:
    """The last round at or before `time`."""
    # A little more, or the rounding of floating point would find the round before.
    return step * ((time + step / 1000) // step)


def after(time: float, step: float) -> float:
    """The first round at or after `time`."""
    return -before(-time, step)
