"""What happened to clients: counted for metrics, and turn by turn for the log."""

from collections import Counter
from dataclasses import dataclass, field

from scoutmaster.core.registry import Client, Standing


@dataclass(slots=True)
class Counters:
    """What happened so far, by its label. Only ever counts up."""

    resyncs: Counter[str] = field(default_factory=Counter)
    deregistrations: Counter[str] = field(default_factory=Counter)
    changes: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Transition:
    """A client's standing changed: one line for the log. None: it was, or is, not registered.

    `bad`: an operator may want to know.
    """

    client: Client
    before: Standing | None
    after: Standing | None
    reason: str

    @property
    def bad(self) -> bool:
        """It was healthy and is not, or was given up; not if it said goodbye."""
        if self.after is None:
            return self.before is Standing.UNHEALTHY
        return self.before is Standing.HEALTHY
