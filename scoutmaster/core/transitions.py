"""What happened to clients: counted for metrics, and one by one for the log."""

from collections import Counter
from dataclasses import dataclass, field

from scoutmaster.core.registry import Client, Standing


@dataclass(slots=True)
class Counters:
    """What happened so far, by its label. Only ever counts up."""

    resyncs: Counter[str] = field(default_factory=Counter)
    deregistrations: Counter[str] = field(default_factory=Counter)
    transitions: Counter[str] = field(default_factory=Counter)
    changes: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Transition:
    """A client's standing changed: one line for the log. None: it was, or is, not registered.

    `lacking`: it is healthy now and its files are shown, but are known not to be all.
    """

    client: Client
    before: Standing | None
    after: Standing | None
    reason: str
    lacking: bool = False

    @property
    def bad(self) -> bool:
        """An operator may want to know: it was healthy and is not, or was given up (not if it said
        goodbye), or something withholds entries of it."""
        if self.after is None:
            return self.before is Standing.UNHEALTHY
        if self.after is Standing.HEALTHY:
            return self.lacking and self.client.omitted > 0
        return self.before is Standing.HEALTHY

    @property
    def word(self) -> str:
        """What the client is now, in a word or two."""
        if self.before is None:
            return "registered"
        if self.after is None:
            return "deregistered"
        if self.before is self.after is Standing.HEALTHY:
            return "behind" if self.lacking else "caught up"
        return self.after.value
