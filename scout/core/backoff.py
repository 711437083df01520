"""Exponential backoff with full jitter, as a pure step.

Full jitter (a uniform draw between 0 and the cap of the attempt) spreads a crowd of agents
that lost the same master at the same moment better than any other scheme that was compared in
Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
"""

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before the next attempt.

    `base`: the cap in seconds of the first wait. `limit`: the cap that is never exceeded. Raising
    the limit spares a master that comes back from the crowd; lowering it heals sooner.
    """

    base: float
    limit: float

    def cap(self, attempt: int) -> float:
        """The longest wait in seconds before attempt number `attempt` (0 is the first retry)."""
        return min(self.limit, self.base * 2.0 ** min(attempt, 60))

    def delay(self, attempt: int, random: Random) -> float:
        """Draw the wait in seconds before attempt number `attempt`."""
        return random.uniform(0.0, self.cap(attempt))
