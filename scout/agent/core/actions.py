"""What passes between the directory's life and its shell: what the operator decided, what is to be
done, what came of it, and what may be said."""

from dataclasses import dataclass

from scout.agent.core.identity import DirectoryIdentity


@dataclass(frozen=True, slots=True)
class MonitorConfig:
    """What the operator decided. Durations in seconds."""

    path: bytes
    poll_interval: float
    scan_timeout: float
    include_hidden: bool
    require_mount: bool
    poll_only: bool


@dataclass(frozen=True, slots=True)
class Look:
    """Look at what the path leads to, and prove the watch. Then `looked` or `look_failed`."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Watch the directory. Then `watching`, `unwatchable` or `look_failed`."""

    directory: DirectoryIdentity


@dataclass(frozen=True, slots=True)
class Drain:
    """Settle all that the kernel has queued by now. Then `drained`."""


@dataclass(frozen=True, slots=True)
class Scan:
    """Read the directory and believe it. Then `scanned` or `look_failed`."""

    directory: DirectoryIdentity
    reason: str


Action = Look | Watch | Drain | Scan


@dataclass(frozen=True, slots=True)
class Scanned:
    """What came of a scan. `seconds`: what the reading took, by the clock on the wall."""

    seconds: float
    whole: bool = True
    """False if events were lost meanwhile in a way that made it void."""
    suspects: int = 0
    """Names that no listing has, though a lookup finds them."""
    exact: bool | None = None
    """What was learned of `Naming.UNKNOWN`, if anything."""
    held: float | None = None
    """Seconds for which it kept other directories from being read; None if all the time."""


@dataclass(frozen=True, slots=True)
class Running:
    """A scan under way: why, and how often events were lost, and time was, before it began."""

    reason: str
    losses: int
    gaps: int
    asked: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may be said of the directory. `reason` says why not more; empty if all is well."""

    available: bool
    behind: bool
    reason: str
    settling: bool = False
    """Events wait that came while there was no stream. They are settled before the new one's first
    word, if it need not come sooner."""
