"""How long things took, in buckets: a histogram as plain numbers.

So that measuring costs nothing to import; a program that is scraped turns it into a metric.
"""

from bisect import bisect_left
from collections.abc import Sequence


class Histogram:
    """Counts observations by upper bound, in seconds; the last bucket has no bound."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.sum = 0.0

    def observe(self, seconds: float) -> None:
        """Count one observation."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.sum += seconds

    def cumulative(self) -> list[tuple[str, float]]:
        """The buckets as Prometheus wants them: (upper bound, how many at or below it)."""
        total, buckets = 0, []
        for bound, count in zip((*map(str, self.bounds), "+Inf"), self.counts, strict=True):
            total += count
            buckets.append((bound, float(total)))
        return buckets
