"""Measured figures: their values, what was aimed at, and the least that the machine allows."""

from dataclasses import asdict, dataclass
from statistics import median, quantiles
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure.

    `values` are those of the single runs, in `unit`; what is reported is their median. `target`
    is the most (with `at_least`: the least) that it should be. `floor` is what the same machine
    takes, in the same run, for the least that could do the job; `most_floors` is the target as a
    multiple of it.
    """

    part: str
    name: str
    unit: str
    values: tuple[float, ...]
    method: str
    target: float | None = None
    at_least: bool = False
    floor: float | None = None
    most_floors: float | None = None

    @property
    def value(self) -> float:
        """The median."""
        return median(self.values)

    @property
    def ratio(self) -> float | None:
        """The median as a multiple of the floor."""
        return self.value / self.floor if self.floor else None

    @property
    def met(self) -> bool | None:
        """Whether the targets are met; None if there are none."""
        verdicts = []
        if self.target is not None:
            reached = self.value >= self.target if self.at_least else self.value <= self.target
            verdicts.append(reached)
        if self.most_floors is not None and self.ratio is not None:
            verdicts.append(self.ratio <= self.most_floors)
        return all(verdicts) if verdicts else None

    @property
    def key(self) -> str:
        """What names it in a kept result."""
        return f"{self.part}: {self.name}"

    def record(self) -> dict[str, Any]:
        """For JSON."""
        return {
            **asdict(self),
            "median": self.value,
            "least": min(self.values),
            "most": max(self.values),
            "ratio": self.ratio,
            "met": self.met,
        }


def percentile(values: list[float], percent: int) -> float:
    """The value that `percent` of `values` do not exceed, interpolated."""
    if len(values) < 2:
        return values[0]
    return quantiles(values, n=100, method="inclusive")[percent - 1]
