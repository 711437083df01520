"""The master without I/O: streams in, a published view out.

Rules of this file:

1. The shell feeds what happened (`opened`, `received`, `closed`, `tick`), lets `work` run in
   slices while it says that there is more, then sends what the sessions in `take_awake()` owe and
   ends those that have `ended`.
2. `view` is replaced, never changed: whoever holds one holds one revision, whole. It is the only
   thing here that other threads may read.
3. `complete` is what is known when a view is made. What becomes of it while nothing happens, or
   while nobody looks, is for `verdict` to say: `seen_at` and `due` are there for that.

Times are monotonic seconds, but for `boot` and `seen_at`: seconds of a clock that goes on while the
host is suspended. Owned by one thread.
"""

from scout.core.checkpoint import Checkpoint
from scout.core.labels import cut
from scout.core.messages import (
    Ack,
    AgentMessage,
    Changes,
    Deregister,
    Health,
    MasterHealth,
    Part,
    Progress,
    Register,
    Registered,
    Resync,
)
from scout.core.names import MASK, MAX_LENGTH, digest
from scoutmaster.core.claim import check_attempt, check_claim, claimed
from scoutmaster.core.fleet import Fleet
from scoutmaster.core.policy import Policy
from scoutmaster.core.refusal import Ending, Refused, Status
from scoutmaster.core.registry import SHOWN, Client, Registry, Standing
from scoutmaster.core.session import Session
from scoutmaster.core.sorted_names import OutOfStep, SortedNames
from scoutmaster.core.transitions import Transition
from scoutmaster.core.verdict import HELD
from scoutmaster.core.view import View


class Master:
    """Joins who is registered with what they hold."""

    def __init__(self, policy: Policy, epoch: int, now: float, boot: float) -> None:
        self.policy = policy
        self.registry = Registry(
            interval=policy.interval,
            timeout=policy.timeout,
            limit=policy.limit,
            capacity=policy.max_clients,
        )
        self._fleet = Fleet()
        self.catalog = self._fleet.catalog
        self.tally = self._fleet.tally
        self.serving = True
        self.settled = policy.settle <= 0
        self._epoch = f"{epoch:016x}"
        self._settle_at = now + policy.settle
        self._revision = 0
        self._client_of: dict[Session, Client] = {}
        self._awake: dict[Session, None] = {}
        self.seen_at = boot
        self.due: float | None = None
        """When `tick` is due: what was published is known to be true until then, not longer."""
        self.view = View(self._name(), self.catalog.chunks, 0, False, 0, 0)
        self._publish()

    # What happened

    def opened(self, peer: str) -> Session:
        """Somebody opened a stream."""
        return Session(peer)

    def received(self, session: Session, message: AgentMessage, now: float) -> None:
        """The agent said something. Raises `Refused` where that ends the stream."""
        if session.ended:
            raise Refused.again(session.ended)
        try:
            self._received(session, message, now)
        except Refused as refusal:
            session.end(refusal.ending)
            raise
        finally:
            self._publish()

    def closed(self, session: Session, now: float) -> None:
        """The stream is gone. Without a goodbye the claim lives on for a while."""
        client = self._client_of.pop(session, None)
        self._awake.pop(session, None)
        session.release()
        if session.ended is not None:
            self.tally.refusals[session.ended.status.name.lower()] += 1
        if client is not None and client.session is session:
            self.registry.detach(client, now, session.ended)
            self._fleet.judge(client, now)
            self._publish()

    def looked(self, now: float, boot: float) -> None:
        """The event loop runs. To be told before what it has to do, and several times a second:
        after a pause, of its own or of the host, nobody knows what has become of the clients
        meanwhile."""
        away = boot - self.seen_at
        if away > HELD:
            self.registry.doubt(now, away)
            self._publish()
        self.seen_at = boot

    def tick(self, now: float) -> None:
        """Let the time do its part: signs of life, strikes, the end of the settling time."""
        tell, missed, over = self.registry.tick(now)
        for client in tell:
            if client.session is not None:
                self._say(client.session, MasterHealth(self.serving))
        for client in missed:
            self._fleet.judge(client, now)
        for client in over:
            self._drop(client, "unhealthy", f"not a word for {now - client.heard:.1f} s")
        self.settled = self.settled or now >= self._settle_at
        self._publish()

    def work(self) -> bool:
        """Do one slice of what large changes left to do. True while there is more."""
        more = self.catalog.work()
        self._publish()
        return more

    def drain(self) -> None:
        """Stop serving: tell every agent, accept no more."""
        self.serving = False
        for session in self._client_of:
            self._say(session, MasterHealth(serving=False))
        self._publish()

    # What follows

    def deadline(self) -> float | None:
        """When `tick` is due, or None."""
        due = self.registry.deadline()
        if not self.settled:
            due = self._settle_at if due is None else min(due, self._settle_at)
        return due

    def take_awake(self) -> list[Session]:
        """The sessions that owe something or have ended, since the last call."""
        awake, self._awake = list(self._awake), {}
        return awake

    def take_turns(self) -> list[Transition]:
        """The changes of standing since the last call, in order."""
        return self._fleet.take_turns()

    # The parts

    def _received(self, session: Session, message: AgentMessage, now: float) -> None:
        client = self._client_of.get(session)
        if isinstance(message, Register):
            if client is not None:
                raise Refused(Status.INVALID_ARGUMENT, "a stream registers once")
            self._register(session, message, now)
            return
        if client is None:
            raise Refused(Status.INVALID_ARGUMENT, "a stream begins with Register")
        silent = client.silent
        self.registry.heard(client, now)
        try:
            match message:
                case Changes(part=Part.DELTA):
                    self._delta(session, client, message)
                case Changes():
                    self._part(session, client, message, now)
                case Health():
                    self._health(session, client, message, now)
                case Deregister():
                    self._drop(client, "goodbye", "it said goodbye")
        except OutOfStep as misfit:
            self._resync(session, client, misfit, now)
        if silent:
            self._fleet.judge(client, now)

    def _register(self, session: Session, message: Register, now: float) -> None:
        if not self.serving:
            raise Refused(Status.UNAVAILABLE, "the master is shutting down; try again later")
        check_claim(message)
        key = (message.host, message.directory)
        client = self.registry.find(key)
        if client is not None and client.epoch == message.epoch:
            check_attempt(client, message)
            self._take_over(client, session, message, now)
        else:
            if client is not None:
                if client.session is not None:
                    raise claimed(client, now)
                self._drop(client, "replaced", "its agent was started anew")
            client = self.registry.add(
                session,
                key,
                epoch=message.epoch,
                version=message.version,
                real_path=message.real_path,
                attempt=message.attempt,
                now=now,
            )
            self._fleet.come(client)
        self._client_of[session] = client
        self._awake[session] = None
        known = (
            client.holding is not None
            and not client.doubt
            and message.acknowledged <= client.state.sequence
        )
        if client.holding is not None and not known:
            client.doubt = client.doubt or "out of step: it was told of a later state"
            self._fleet.judge(client, now)
        if not known:
            session.resyncing = True
        session.say(
            Registered(
                client.state.sequence if known else None,
                self.policy.interval,
                self.policy.timeout,
                self.registry.heartbeat_limit,
                self.serving,
                MAX_LENGTH,
            )
        )

    def _take_over(self, client: Client, session: Session, message: Register, now: float) -> None:
        """The same agent on a new stream; the old one may not know yet that it is dead."""
        old = client.session
        self.registry.attach(client, session, now)
        client.attempt, client.real_path = message.attempt, message.real_path
        if old is not None:
            self._client_of.pop(old, None)
            old.end(Ending(Status.ABORTED, "the same agent opened a newer stream", expected=True))
            self._awake[old] = None
        self._fleet.judge(client, now)

    def _delta(self, session: Session, client: Client, message: Changes) -> None:
        """A step. Raises `OutOfStep`, as do the next two."""
        if not session.delta(message):
            return
        if client.holding is None or message.sequence != client.state.sequence + 1:
            raise OutOfStep(f"{message.sequence} after {client.state.sequence}", "gap")
        state = Checkpoint(
            message.sequence,
            client.state.count + len(message.added) - len(message.removed),
            (client.state.digest + digest(message.added) - digest(message.removed)) & MASK,
        )
        if (state.count, state.digest) != (message.count, message.digest):
            raise OutOfStep("count or digest of a delta does not match", "digest")
        if state.count > self.policy.max_files:
            raise Refused(
                Status.RESOURCE_EXHAUSTED,
                f"more than {self.policy.max_files} files; raise --max-files on the master",
            )
        client.holding.apply(message.added, message.removed)
        client.state = state
        if client.standing is Standing.HEALTHY:
            self.catalog.change(client.number, message.added, message.removed)
        self.tally.changes["added"] += len(message.added)
        self.tally.changes["removed"] += len(message.removed)
        self._say(session, Ack(message.sequence))

    def _part(self, session: Session, client: Client, message: Changes, now: float) -> None:
        snapshot = session.part(message, self.policy.max_files)
        if snapshot is None:
            if session.progress is not None:
                self._say(session, session.progress)
            return
        if snapshot.state != snapshot.claimed:
            raise OutOfStep("count or digest of a snapshot does not match", "digest")
        client.doubt = ""
        client.holding = SortedNames.from_sorted(snapshot.runs)
        client.state = snapshot.state
        if client.standing is Standing.HEALTHY:
            self.catalog.show(client.number, client.holding)
        self.tally.changes["snapshot"] += snapshot.state.count
        self._say(session, Ack(message.sequence))
        self._fleet.judge(client, now)

    def _health(self, session: Session, client: Client, message: Health, now: float) -> None:
        client.serving, client.reason = message.serving, cut(message.reason, SHOWN)
        client.behind, client.omitted = message.behind, message.omitted
        if client.holding is not None and not session.resyncing and not session.receiving:
            state = client.state
            if message.sequence == state.sequence:
                if (message.count, message.digest) != (state.count, state.digest):
                    raise OutOfStep("count or digest of its health differ", "digest")
            elif message.sequence:
                raise OutOfStep(f"{message.sequence} at {state.sequence}", "gap")
        self._fleet.judge(client, now)

    def _resync(self, session: Session, client: Client, misfit: OutOfStep, now: float) -> None:
        """What is held is not the truth: show it no more, and ask for a snapshot."""
        client.doubt = f"out of step: {misfit}"
        self.tally.resyncs[misfit.kind] += 1
        session.void()
        self._say(session, Resync(str(misfit)))
        self._fleet.judge(client, now)

    def _drop(self, client: Client, label: str, reason: str) -> None:
        """End a registration."""
        self.registry.remove(client)
        session, client.session = client.session, None
        if session is not None:
            self._client_of.pop(session, None)
            if label != "goodbye":
                session.end(Ending(Status.ABORTED, f"deregistered: {reason}"))
            self._awake[session] = None
        self._fleet.go(client, label, reason)

    def _say(self, session: Session, message: Ack | MasterHealth | Progress | Resync) -> None:
        session.say(message)
        self._awake[session] = None

    def _publish(self) -> None:
        """Replace the view if anything that a reader sees has changed."""
        fleet, clients = self._fleet, len(self.registry.clients)
        healthy, lacking = fleet.healthy, fleet.lacking
        # Healthy is not yet seen: a pass may still have to bring in what they hold.
        if 0 < self.policy.expected <= healthy == clients and not self.catalog.busy:
            self.settled = True
        complete = (
            self.serving
            and self.settled
            and healthy == clients
            and healthy >= self.policy.expected
            and not lacking
            and not self.catalog.busy
            and not self.registry.unproven
        )
        view, chunks = self.view, self.catalog.chunks
        told = (view.complete, view.healthy, view.unhealthy, view.behind)
        if view.chunks is not chunks or told != (complete, healthy, clients - healthy, lacking):
            self._revision += 1
            files = self.catalog.files
            self.view = View(
                self._name(), chunks, files, complete, healthy, clients - healthy, lacking
            )
        # After the view: who reads the two in the other order never takes an old one for good.
        self.due = self.deadline()

    def _name(self) -> str:
        return f"{self._epoch}-{self._revision}"
