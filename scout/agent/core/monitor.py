"""The directory's whole life, decided without touching it: when to look, to watch, to scan; and
what may be said of it meanwhile.

Rules of this file:

1. The shell feeds what happened, then does what `next(now)` says, one thing at a time, until that
   is None; then it sleeps until `deadline()`, or until something happens. `now` is a monotonic time
   in seconds.
2. What is claimed, watched and scanned is one identity: a look says which. Another one is watched
   first and scanned after, so that nothing falls between. Each look proves the watch as well.
3. Nothing is vouched for before a scan that began after the arrival, and in which no event was
   lost, has ended. An unavailable directory never touches the belief: it is not even watched.
4. After a standstill nothing is vouched for until what the kernel had queued is settled; where
   there are no events, or some were lost, until a scan begun after it has ended. A stream that was
   away is none: what waits is settled, and meanwhile nothing is said.
5. What is in doubt as a whole stays shown, but is *behind*: after events were lost until a scan
   begun after the last loss has ended; while a change asks for a listing, until that has ended;
   while a name stands that no listing has, until a quiet one decides.

Owned by one thread.
"""

from random import Random

from scout.agent.core.actions import (
    Action,
    Drain,
    Look,
    MonitorConfig,
    Running,
    Scan,
    Scanned,
    Verdict,
    Watch,
)
from scout.agent.core.cost import SHARE_POLLED, Cost, Repeats, Shares
from scout.agent.core.filesystems import Naming, tells
from scout.agent.core.identity import REPLACED, DirectoryIdentity, Home, replaced
from scout.core.backoff import Backoff

BEHIND_LEAST = 1.0
"""Seconds that the directory is called behind after events were lost, at least: no flapping."""

RETRY_WATCH = 60.0
"""Seconds until inotify is tried again where it could not be had."""

JITTER = 0.1
"""A poll comes up to this share early or late, so that agents on one host drift apart."""

SOON = 0.02
"""Seconds between two listings of which the second has, or decides, what the first left open."""

LOST = "events were lost; everything is read again"
UNREAD = "the first scan has not ended"


class Life:
    """The decisions. `mode` is "events", "poll" or "none"; `why` explains "poll"."""

    def __init__(self, config: MonitorConfig, random: Random, shares: Shares | None = None) -> None:
        shares = shares or Shares()  # without those of the process it has this directory alone
        self._config = config
        self._random = random
        self._home = Home(require_mount=config.require_mount)
        self._backoff = Backoff(0.1, max(0.1, min(5.0, config.poll_interval)))
        self._path: bytes | None = None
        self._failures = 0
        self.place: DirectoryIdentity | None = None
        self._justified = False
        self._doubt = UNREAD
        self.watched, self.mode, self.why = False, "none", ""
        self.naming = Naming.EXACT
        self._watch_at = float("-inf")
        self._look_at = float("-inf")
        self._looked = False
        self._alarms = self._look_alarms = 0
        # Scans: why one is wanted at once, and when the others are due.
        self._wanted = ""
        self._poll_at = self._suspects_at = float("inf")
        self._again_at = float("-inf")
        self._budget = Repeats(shares)
        self._cost = Cost(shares)
        self._scan: Running | None = None
        # What was lost, asked for and left open.
        self._losses = 0
        self._overflowed = False
        self._behind_until = float("-inf")
        self._asked = False
        self._suspects = 0
        # Standstills.
        self._gap = ""
        self._gaps = self._gap_losses = 0
        # How many of them there had been when a scan, and a drain, was begun last.
        self._tried = self._drained_gaps = 0
        # Streams on which events waited, those that are settled, and those when a drain was begun.
        self._rejoined = self._settled = self._drained_streams = 0
        self._now = float("-inf")

    # What happened

    def unseen(self, reason: str) -> None:
        """The look at the start found nothing to serve, for `reason`."""
        self._doubt = reason

    def first(self, place: DirectoryIdentity) -> None:
        """The look at the start, by which the claim was made: its mount is remembered."""
        self._path = place.path
        if not self._home.away(place):
            self._home.remember(place)

    def looked(self, now: float, place: DirectoryIdentity, *, proven: bool, seconds: float) -> bool:
        """The path leads to `place`; `proven`: the watch is the one that stands on it. True if the
        real path is another one than before."""
        if self._look_alarms != self._alarms:
            self._look_at = now  # something happened since that look began
            return False
        away = self._home.away(place)
        if away:
            self.look_failed(now, away)
            return False
        self._failures = 0
        self._looked = True
        moved = self._path not in (None, place.path)
        if moved or not self._home.known:
            self._home.remember(place)
        self._path = place.path
        if self.place is not None:
            change = replaced(self.place, place, watched=self.watched)
            if change or (self.watched and not proven):
                self._unavailable(change or REPLACED)
        if self.place is None:
            self._arrive(place)
        elif self._justified:
            self._doubt = ""
        pause = self._config.poll_interval * self._random.uniform(1 - JITTER, 1 + JITTER)
        if not self.watched:
            pause = max(pause, seconds / SHARE_POLLED)
        self._look_at = now + pause
        return moved

    def look_failed(self, now: float, reason: str) -> None:
        """There is nothing to serve: `reason` says why, for people to read."""
        self._scan = None
        self._unavailable(reason)
        self._looked = False
        self._look_at = now + max(SOON, self._backoff.delay(self._failures, self._random))
        self._failures += 1

    def watching(self) -> None:
        """The watch stands."""
        self.watched, self.mode, self.why = True, "events", ""
        self._watch_at = float("inf")
        self._wanted = self._wanted or "watch"

    def unwatchable(self, now: float, why: str) -> None:
        """inotify is not to be had, for whatever reason: polling it is, and another try later."""
        self._poll(why)
        self._watch_at = now + RETRY_WATCH

    def scanned(self, now: float, outcome: Scanned) -> None:
        """The scan ended."""
        scan, self._scan = self._scan, None
        if scan is None or self.place is None:
            return  # it was overtaken: the directory is another one, or gone
        self._spend(now, outcome, scan)
        if outcome.exact is not None and self.naming is Naming.UNKNOWN:
            self.naming = Naming.EXACT if outcome.exact else Naming.LOOSE
        self._suspects = outcome.suspects
        pause = SOON if self.watched else max(SOON, self._cost.pause(watched=False))
        self._suspects_at = now + pause if self._suspects else float("inf")
        if outcome.whole and scan.gaps == self._gaps:
            self._gap = ""
        clean = outcome.whole and scan.losses == self._losses
        if not clean:
            self._overflowed = True
            self._asked |= scan.asked
            return
        self._overflowed = False
        self._justified = True
        self._doubt = ""

    def drained(self) -> None:
        """What the kernel had queued when it was asked for is settled."""
        self._settled = self._drained_streams
        if self._losses == self._gap_losses and self._drained_gaps == self._gaps and self._looked:
            self._gap = ""

    def lost(self, now: float, reason: str) -> None:
        """An event, or the lack of an entry, says that the directory may be gone: look now."""
        self._unavailable(reason)
        self._alarm(now)

    def overflowed(self, now: float) -> None:
        """Events were lost: everything is in doubt, the watch as well."""
        self._losses += 1
        self._overflowed = True
        self._behind_until = now + BEHIND_LEAST
        self._alarm(now)

    def asked(self) -> None:
        """Names changed whose spelling, or absence, only a listing can tell."""
        self._asked = True

    def held(self, now: float, seconds: float) -> None:
        """The program stood still for `seconds`, too long for what it believes to be current."""
        self._gap = f"catching up after a standstill of {seconds:.0f} s"
        self._gaps += 1
        self._gap_losses = self._losses
        self._alarm(now)

    def rejoined(self) -> None:
        """The master has us again, and events wait. The belief stayed current: no standstill."""
        self._rejoined += 1

    def stuck(self) -> None:
        """Whatever the shell is doing makes no progress."""
        if not self.watched:
            self._justified = False
            self._wanted = self._wanted or "return"
        limit = self._config.scan_timeout
        self._doubt = f"the directory can't be read: no progress for {limit:g} s"

    # What follows

    def next(self, now: float) -> Action | None:
        """What to do now. A scan has begun once it is handed out."""
        self._now = now
        scan_at = self._scan_at()
        if now >= self._look_at or (not self._looked and now >= scan_at):
            self._look_at = float("inf")
            self._look_alarms = self._alarms
            return Look()
        place = self.place
        if place is None:
            return None
        if not self.watched and now >= self._watch_at:
            return self._try_watch(place)
        by_drain = self._gap and self._gap_losses == self._losses and self._looked
        if self.watched and (by_drain or self._settled != self._rejoined):
            self._drained_gaps, self._drained_streams = self._gaps, self._rejoined
            return Drain()
        if now >= scan_at:
            reason = self._scan_reason(now)
            self._scan = Running(reason, self._losses, self._gaps, self._asked)
            self._wanted = ""
            self._tried = self._gaps
            self._asked = self._looked = False
            return Scan(place, reason)
        return None

    def deadline(self) -> float:
        """When `next` or `verdict` may say something else although nothing happened."""
        due = [self._look_at, self._scan_at() if self.place is not None else float("inf")]
        if not self._overflowed and self._behind_until > self._now:
            due.append(self._behind_until)
        return min(due)

    def verdict(self, now: float) -> Verdict:
        """What may be said at `now`."""
        if self._doubt or not self._justified:
            return Verdict(False, False, self._doubt or UNREAD)
        if self._gap:
            return Verdict(False, False, self._gap)
        if self._overflowed or now < self._behind_until:
            return Verdict(True, True, LOST)
        if self._asked or (self._scan is not None and self._scan.asked):
            return Verdict(True, True, "names changed; the directory is read again")
        if self._suspects:
            return Verdict(True, True, "names are found that the directory does not list")
        return Verdict(True, False, "", self._settled != self._rejoined)

    # The parts

    def _arrive(self, place: DirectoryIdentity) -> None:
        self.place = place
        self._wanted = "return" if self._doubt != UNREAD else "start"
        self._overflowed = self._asked = False
        self._behind_until = float("-inf")
        self._suspects, self._suspects_at = 0, float("inf")
        self.naming = place.naming
        self._watch_at = float("-inf")
        self._gap = ""
        self._settled = self._rejoined

    def _unavailable(self, reason: str) -> None:
        """`reason` stands until a scan has justified the belief again."""
        self._doubt = reason
        self._justified = False
        self._cost.forget()
        self.place = None
        self.watched = False

    def _alarm(self, now: float) -> None:
        """Look now; a look that is under way does not count."""
        self._alarms += 1
        self._looked = False
        self._look_at = now

    def _try_watch(self, place: DirectoryIdentity) -> Action | None:
        self._watch_at = float("inf")
        if self._config.poll_only:
            self._poll("--poll-only is set")
        elif not tells(place.filesystem):
            self._poll(f"{place.filesystem} is not known to tell of every change")
        else:
            return Watch(place)
        return self.next(self._now)

    def _poll(self, why: str) -> None:
        self.watched, self.mode, self.why = False, "poll", why

    def _scan_at(self) -> float:
        """When the next scan is due. It needs a directory."""
        if self.place is None:
            return float("inf")
        ready = self._budget.ready
        made_up_by_scan = self._gap and (not self.watched or self._losses != self._gap_losses)
        if self._wanted or (made_up_by_scan and self._tried != self._gaps):
            return float("-inf")
        if made_up_by_scan:
            return ready
        due = min(self._poll_at, max(self._suspects_at, ready if self.watched else 0.0))
        if self._overflowed:
            due = min(due, ready)
        if self._asked:
            due = min(due, max(ready, self._again_at))
        return due

    def _scan_reason(self, now: float) -> str:
        if self._wanted:
            return self._wanted
        if self._gap:
            return "gap"
        if self._overflowed:
            return "overflow"
        if self._asked:
            return "change"
        return "suspect" if now >= self._suspects_at else "poll"

    def _spend(self, now: float, outcome: Scanned, scan: "Running") -> None:
        if self._overflowed or scan.reason in ("overflow", "change", "suspect"):
            self._budget.spend(outcome.seconds, outcome.held, now)
        self._again_at = now + SOON
        self._cost.spend(outcome.seconds)
        # A little less than the pause between two looks, so that each look is followed by a scan.
        interval = self._config.poll_interval * (1 - 2 * JITTER)
        self._poll_at = now + max(interval, self._cost.pause(watched=self.watched))
