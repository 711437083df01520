"""The agent's side of the stream, as a state machine without a stream.

Rules of this file:

1. Everything that decides what is said to the master, and when, lives here.
2. The shell feeds what happened (`opened`, `received`, `closed`), then drains `next(now)` until
   it gives None, then sleeps until `deadline()`. `now` is a monotonic time in seconds.
3. At most one `Changes`, or one snapshot, is unacknowledged. What changes meanwhile waits in the
   inventory, merged. In a quiet directory a change leaves at once; while changes keep coming the
   next one leaves when the last is acknowledged and `PACE` has passed since it left. However much
   there is to send, it leaves in pieces that keep room on the line for the heartbeats (`pacing`).
4. Health is never claimed before the state it vouches for was sent: after a directory has come
   back, SERVING follows the changes, it does not overtake them. It is said at once when it
   changes, and every interval unasked, in rounds that all agents have in common.
5. An event that does not fit the phase raises `ProtocolError` and changes nothing.

States: CLOSED -opened-> GREETING -next-> REGISTERING -Registered-> LIVE -leave-> PARTING; `closed`
from anywhere.
Owned by one thread.
"""

from scout.agent.core.inventory import Inventory, Snapshot, weight
from scout.agent.core.pacing import Pacing
from scout.agent.core.phase import WORKING, Phase, Working
from scout.agent.core.standing import Claim, Standing
from scout.core import timeslots
from scout.core.checkpoint import BATCH
from scout.core.histogram import Histogram
from scout.core.messages import (
    Ack,
    AgentMessage,
    Deregister,
    Health,
    MasterHealth,
    MasterMessage,
    Progress,
    Register,
    Registered,
    Resync,
)
from scout.errors import ProtocolError

PACE = 0.010
"""Seconds between two `Changes` while changes keep coming. A full delta does not wait for it.

A single change costs both programs about 0.2 ms of processor time, most of it the message, so
100,000 creates sent one by one cost 20 s; at this pace they cost a few hundred messages.
"""

GOLDEN = 0x9E3779B9
"""2^32 divided by the golden ratio: its multiples spread evenly."""

GRACE_LEAST = 3.0
"""`Session.grace` before any master has told its own times."""

GRACE = 0.25
"""Seconds between finding the master silent and giving it up."""

LATENCIES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0)
"""Bounds in seconds: what is promised is milliseconds, what an outage costs is seconds."""


class Session:
    """One agent's conversation with its master, over as many streams as it takes."""

    def __init__(
        self,
        host: str,
        directory: bytes,
        epoch: int,
        version: str,
        inventory: Inventory,
        real_path: bytes = b"",
    ) -> None:
        self.host = host
        self.directory = directory
        self.real_path = real_path or directory
        self.epoch = epoch
        self.version = version
        self.phase = Phase.CLOSED
        self.master_serving = False
        self._inventory = inventory
        self._standing = Standing(inventory)
        self._told: Claim | None = None
        self._health_due = float("inf")
        self._interval = self._skew = 0.0
        self.grace = GRACE_LEAST
        """Seconds for which the agent may stand still: as long as the master waits for its word."""
        self._leaving = False
        # What is unacknowledged on this stream.
        self._awaiting: int | None = None
        self._snapshot: Snapshot | None = None
        self._pacing = Pacing()
        self._left = float("-inf")
        self._heard = self._asked = 0.0
        self._patience: float | None = None
        self._last_call: float | None = None
        self.acknowledged_at: float | None = None
        self.resyncs = 0
        self.attempts = self.registrations = 0
        # When the oldest change that waits, and that is in flight, was noticed.
        self._noticed: float | None = None
        self._carried: float | None = None
        self.change_to_ack = Histogram(LATENCIES)

    # What happened

    def opened(self, now: float, skew: float = 0.0) -> None:
        """A stream to the master stands. `skew` leads from `now` to the time of day, by which
        agents of different hosts find the same rounds."""
        self._expect(Phase.CLOSED, event="opened")
        self.phase = Phase.GREETING
        self._heard = now
        self._skew = skew

    def received(self, message: MasterMessage, now: float) -> None:
        """The master said something."""
        if self.phase is Phase.PARTING:
            return  # it was said before the goodbye arrived
        self._heard = now
        self._last_call = None
        if isinstance(message, Registered):
            self._expect(Phase.REGISTERING, event="Registered")
            self._registered(message, now)
            return
        self._expect(Phase.LIVE, event=type(message).__name__)
        match message:
            case Ack():
                self._acknowledged(message.sequence, now)
            case Progress():
                self._pacing.progressed(message, now)
            case MasterHealth():
                self.master_serving = message.serving
            case Resync():
                # Whatever was unacknowledged is void.
                self.resyncs += 1
                self._awaiting = self._snapshot = None
                self._pacing.void()
                self._inventory.forget()

    def closed(self) -> None:
        """The stream is gone, for whatever reason."""
        self.phase = Phase.CLOSED
        self.master_serving = False
        self._awaiting = self._snapshot = self._patience = self._last_call = None
        self._pacing.void()
        self._health_due = float("inf")

    def noticed(self, now: float) -> None:
        """The inventory changed."""
        if self._noticed is None:
            self._noticed = now

    def vouch(self, *, behind: bool = False, reason: str = "", settling: bool = False) -> None:
        """The directory is available: see `Standing`."""
        self._standing.vouch(behind=behind, reason=reason, settling=settling)

    def doubt(self, reason: str) -> None:
        """The directory is unavailable; `reason` is for people to read."""
        self._standing.doubt(reason)

    def leave(self) -> None:
        """Say goodbye next."""
        self._leaving = True

    def move(self, real_path: bytes) -> None:
        """The path leads to another real path now. Allowed between two streams only: the claim, by
        the path as configured, stays the same, and is made anew to tell the real one."""
        self._expect(Phase.CLOSED, event="move")
        self.real_path = real_path
        self._leaving = False

    # What follows

    def next(self, now: float) -> AgentMessage | Working | None:
        """The next message to send, `WORKING`, or None if there is nothing to do before
        `deadline()`."""
        if self.phase is Phase.GREETING:
            self.phase = Phase.REGISTERING
            self._asked = now
            self.attempts += 1
            return Register(
                self.host,
                self.directory,
                self.epoch,
                self._inventory.acknowledged,
                self.version,
                self.real_path,
                self.attempts,
            )
        if self.phase is not Phase.LIVE:
            return None
        if self._leaving:
            self._leaving = False
            self.phase = Phase.PARTING
            return Deregister()
        if now >= self._health_due:
            self._health_due = self._round_before(now + self._interval)
            return self._tell()
        claim = self._claim()
        if claim != self._told and not (self._told is None and self._standing.resuming):
            return self._tell()
        if self._snapshot is None and self._may_send(now):
            self._left = now
            if not self._inventory.rootless:
                changes = self._inventory.delta(self._pacing.most)
                self._pacing.sent(weight(changes.added) + weight(changes.removed), now)
                self._awaiting = changes.sequence
                self._carried, self._noticed = self._noticed, None
                self._standing.sent()
                return changes
            self._snapshot = self._inventory.snapshot()
            self._pacing.snapshot(self._snapshot.sequence)
            self._carried = self._noticed = None
        if self._snapshot is not None and self._pacing.room:
            return self._step(self._snapshot, now)
        return None

    def deadline(self) -> float | None:
        """When `next` or `silent` may have something new although nothing happened."""
        if self.phase in (Phase.CLOSED, Phase.PARTING):
            return None
        due = [self._health_due] if self.phase is Phase.LIVE else []
        if self._patience is not None:
            due.append(max(self._heard + self._patience, self._last_call or 0.0))
        if self._snapshot is not None:
            due += [0.0] if self._pacing.room else []
        elif self.phase is Phase.LIVE and self._wants_to_send():
            due.append(self._may_leave())
        return min(due, default=None)

    def silent(self, now: float) -> bool:
        """True if the master has been silent for too long: the stream is as good as dead.

        Never at the first look: a program that was stopped itself has the master's words lying in
        its socket, and hears them out first.
        """
        if self._patience is None or now < self._heard + self._patience:
            self._last_call = None
            return False
        if self._last_call is None:
            self._last_call = now + GRACE
        return now >= self._last_call

    @property
    def heard_at(self) -> float:
        """When the master said something last on this stream, or when the stream began."""
        return self._heard

    @property
    def slowest(self) -> float:
        """Seconds that the slowest of the last messages took there and back."""
        return self._pacing.slowest

    @property
    def in_step(self) -> bool:
        """True while the master holds, acknowledged, all that the inventory holds."""
        inventory = self._inventory
        return (
            self.phase is Phase.LIVE
            and not inventory.rootless
            and not inventory.waiting
            and not inventory.in_flight
        )

    # The parts

    def _registered(self, message: Registered, now: float) -> None:
        self.phase = Phase.LIVE
        self.registrations += 1
        self._pacing.begin(now - self._asked)
        self.master_serving = message.serving
        self._patience = message.heartbeat_limit + message.health_timeout
        self._told = None
        self._interval = message.health_interval
        self.grace = message.health_interval + message.health_timeout
        self._inventory.limit(message.max_name_bytes)
        # The first word comes after a share of the interval that differs from agent to agent, so
        # that a crowd that has registered at once does not speak at once ever after.
        share = 0.25 + 0.75 * (self.epoch * GOLDEN % 2**32 / 2**32)
        self._health_due = self._round_before(now + self._interval * share)
        if message.resume_after is None:
            self._inventory.forget()
        else:
            self._inventory.resume(message.resume_after)
        self._standing.registered()

    def _acknowledged(self, sequence: int, now: float) -> None:
        if sequence != self._awaiting:
            if sequence > self._inventory.last:
                raise ProtocolError(
                    f"the master acknowledged {sequence}",
                    f"{self._inventory.last} was the last one sent",
                )
            return  # of something that a Resync made void before the answer arrived
        self._awaiting = None
        self._pacing.acknowledged(now)
        self._inventory.acknowledge(sequence)
        self.acknowledged_at = now
        if self._carried is not None:
            self.change_to_ack.observe(now - self._carried)
            self._carried = None

    def _wants_to_send(self) -> bool:
        """There is something to send and nothing in the way but the pace."""
        inventory = self._inventory
        return (
            self.master_serving
            and self._awaiting is None
            and (inventory.rootless or inventory.waiting > 0)
            and (self._standing.serving or not inventory.rootless)
        )

    def _may_send(self, now: float) -> bool:
        return self._wants_to_send() and now >= self._may_leave()

    def _may_leave(self) -> float:
        """When the pace lets the next `Changes` leave: a full delta gains nothing by waiting."""
        inventory = self._inventory
        full = not inventory.rootless and inventory.waiting >= BATCH
        return self._left if full else self._left + PACE

    def _step(self, snapshot: Snapshot, now: float) -> AgentMessage | Working:
        part = snapshot.step(self._pacing.share)
        if part is None:
            return WORKING
        self._pacing.sent(weight(part.added), now)
        if part.part.ends:
            self._snapshot = None
            self._awaiting = part.sequence
            self._standing.sent()
        return part

    def _round_before(self, time: float) -> float:
        return timeslots.before(time + self._skew, timeslots.length(self._interval)) - self._skew

    def _claim(self) -> Claim:
        return self._standing.claim(snapshot=self._snapshot is not None)

    def _tell(self) -> Health:
        it = self._told = self._claim()
        at = self._inventory.state
        return Health(
            it.serving, it.reason, at.sequence, at.count, at.digest, it.behind, it.omitted
        )

    def _expect(self, *phases: Phase, event: str) -> None:
        if self.phase not in phases:
            raise ProtocolError(f"{event} does not fit", f"the session is {self.phase.value}")
