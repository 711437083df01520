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
    def text(self) -> str:
        """What the log says of it."""
        if self.before is None:
            return "client registered"
        if self.after is None:
            return "client deregistered"
        if self.before is self.after is Standing.HEALTHY:
            return "client behind" if self.lacking else "client caught up"
        return f"client {self.after.value}"

    @property
    def label(self) -> str:
        """The same as a metric's label."""
        return self.text.removeprefix("client ").replace(" ", "_")
