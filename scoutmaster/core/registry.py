"""Who is registered, who is healthy, and who is late with a word.

Rules of this file:

1. A client is (host, directory). While the holder of a claim is connected nobody else gets it.
2. Each client says something (anything) every `interval` seconds, unasked. Once it is `timeout`
   late it is silent: that is a strike, and so is each interval more, and each that it spends
   without a stream. `limit` strikes in a row end the registration.
3. A client is healthy while it is connected, is not silent, vouches for its directory, and the
   master holds a whole state of it that nothing has proven wrong. Only a healthy client's files
   are shown.
4. A master that was late itself blames nobody for it, once per word: the next may lie unread in its
   sockets. Nor does it vouch for them: until each has been heard anew it is `unproven`.
5. The master says something to each client at least every `heartbeat_limit` seconds.
6. All this is looked at in rounds, so that the program is woken once for several clients.

Times are monotonic seconds and come in as arguments. Owned by one thread.
"""

from dataclasses import dataclass, field
from enum import Enum
from heapq import heappop, heappush

from scout.core import timeslots
from scout.core.checkpoint import NOTHING, Checkpoint
from scout.core.labels import cut
from scoutmaster.core.refusal import Ending, Refused, Status
from scoutmaster.core.session import Session
from scoutmaster.core.sorted_names import SortedNames

JUST_REGISTERED = "it has just registered"
WAS_SILENT = "it was silent, and has not said since how it is"
BROKE = "the connection broke"

SHOWN = 200
"""Bytes of a host, a path or a reason in a sentence. Any of them may be thousands."""

BACKLOG, WORD = 0.5, 0.0002
"""Seconds in which a master that was away reads what came meanwhile: so many at least, and so many
for each word. To read one takes 0.13 ms."""

FEW, FLAT_OUT = 100, 1.25
"""A master that reads more than so many words, and so many times as many as its clients say by
themselves, still reads what came while it was away."""

UNREAD = 60.0
"""Seconds away whose words may be waiting, and for which that is waited for: an agent that does not
hear its master for longer opens a new stream."""

LATE = 0.1
"""A tick that comes so many seconds after its deadline was held up by the master itself."""

SIGNS = 10
"""Intervals between two signs of life of the master: to write one costs it five times what hearing
a client does. To an agent they only tell a master that is stopped from one that has nothing to say;
where its host or the line is gone, the kernel finds out earlier, for the agent speaks every
interval."""


class Standing(Enum):
    """What a client is worth to a reader. The values are shown in `/clients` and in metrics."""

    SYNCING = "syncing"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


def shown(path: bytes) -> str:
    """A path in a sentence: text, and not too much of it."""
    return cut(path.decode("utf-8", "backslashreplace"), SHOWN)


@dataclass(slots=True, eq=False)
class Client:
    """One registered client. `number` names it in the catalog and is never used twice."""

    number: int
    host: str
    directory: bytes
    epoch: int
    version: str
    peer: str
    registered: float
    session: Session | None
    real_path: bytes = b""
    attempt: int = 0
    holding: SortedNames | None = None
    state: Checkpoint = NOTHING
    serving: bool = False
    reason: str = JUST_REGISTERED
    behind: bool = False
    omitted: int = 0
    lost: str = BROKE
    """How its last stream ended, while it has none."""
    doubt: str = ""
    """Why what is held is not its directory's truth, until its next snapshot; empty if it is."""
    silent: bool = False
    excused: bool = False
    """Was it late, and the master too, since its last word? That is forgiven once."""
    strikes: int = 0
    heard: float = 0.0
    told: float = 0.0
    since: float = 0.0
    standing: Standing = Standing.SYNCING
    due: float = field(default=0.0)

    @property
    def key(self) -> tuple[str, bytes]:
        """The claim."""
        return self.host, self.directory

    @property
    def name(self) -> str:
        """The claim, for people to read."""
        return f"{cut(self.host, SHOWN)}:{shown(self.directory)}"

    @property
    def lacking(self) -> bool:
        """Its files are shown, if it is healthy, but it knows that they are not all."""
        return self.behind or self.omitted > 0

    def judge(self) -> tuple[Standing, str]:
        """Rule 3: the standing, and the reason where not all is well."""
        if self.session is None:
            return Standing.UNHEALTHY, self.lost
        if self.silent:
            return Standing.UNHEALTHY, "it is silent"
        if self.holding is None:
            return Standing.SYNCING, self.reason or "its first snapshot is on the way"
        if self.doubt:
            return Standing.UNHEALTHY, self.doubt
        if not self.serving and self.standing is Standing.SYNCING:
            return Standing.SYNCING, self.reason  # its word follows its first snapshot
        if not self.serving:
            return Standing.UNHEALTHY, self.reason
        return Standing.HEALTHY, self._lack() if self.lacking else ""

    def _lack(self) -> str:
        if self.reason:
            return self.reason
        return f"{self.omitted} entries are withheld" if self.omitted else "it has not caught up"


class Registry:
    """The clients by claim, and the order in which they are looked at."""

    def __init__(self, *, interval: float, timeout: float, limit: int, capacity: int) -> None:
        self.interval = interval
        self.timeout = timeout
        self.limit = limit
        self.capacity = capacity
        self.clients: dict[tuple[str, bytes], Client] = {}
        self._by_number: dict[int, Client] = {}
        self._queue: list[tuple[float, int]] = []
        self._numbers = 0
        self._grace_until = float("-inf")
        self.unproven: set[int] = set()
        """The numbers of those who are taken for alive although the master does not know it: it
        was away itself."""
        self._proof_from = self._doubted_until = self._counted_from = float("-inf")
        self._words = 0
        self._round = timeslots.length(interval)
        self._patience = interval + timeout - self._round

    @property
    def heartbeat_limit(self) -> float:
        """Seconds within which the master says something to each client: a look that is not yet
        due for a sign is followed by the next within an interval and the time limit."""
        return (SIGNS + 1) * self.interval + self.timeout

    def find(self, key: tuple[str, bytes]) -> Client | None:
        """Who holds the claim `key`."""
        return self.clients.get(key)

    def by_number(self, number: int) -> Client | None:
        """The registered client of that number, or None if it is gone."""
        return self._by_number.get(number)

    def add(
        self,
        session: Session,
        key: tuple[str, bytes],
        *,
        epoch: int,
        version: str,
        now: float,
        real_path: bytes = b"",
        attempt: int = 0,
    ) -> Client:
        """Register a client whose claim is free. Raises `Refused` when the master is full."""
        if len(self.clients) >= self.capacity:
            raise Refused(
                Status.RESOURCE_EXHAUSTED,
                f"the master has {self.capacity} clients, its limit; raise --max-clients there",
            )
        self._numbers += 1
        host, directory = key
        client = Client(
            number=self._numbers,
            host=host,
            directory=directory,
            epoch=epoch,
            version=version,
            peer=session.peer,
            registered=now,
            session=session,
            real_path=real_path,
            attempt=attempt,
            since=now,
        )
        self.clients[key] = self._by_number[client.number] = client
        self.attach(client, session, now)
        return client

    def attach(self, client: Client, session: Session, now: float) -> None:
        """`client` speaks through `session` from now on. If it spoke through another until now,
        what it said there holds until it says something else: it is the same agent."""
        if client.session is None or client.session is session:
            client.serving, client.reason = False, JUST_REGISTERED
            client.behind, client.omitted = False, 0
        client.session, client.peer = session, session.peer
        self.heard(client, now)
        client.told = now
        self._await(client)

    def detach(self, client: Client, now: float, ending: Ending | None = None) -> None:
        """The client's stream is gone, ended by us or not; the claim lives on until the strikes
        end it."""
        client.session, client.excused = None, False
        client.lost = cut(ending.message, SHOWN) if ending else BROKE
        self._schedule(client, now + self.interval)

    def remove(self, client: Client) -> None:
        """Forget the client. Its place in the queue is skipped when it comes up."""
        del self.clients[client.key], self._by_number[client.number]
        self.unproven.discard(client.number)

    def heard(self, client: Client, now: float) -> None:
        """The client said something, whatever it was."""
        client.heard = now
        client.silent = client.excused = False
        client.strikes = 0
        if self.unproven:
            self._words += 1
            if now >= self._proof_from and not self._reads_on(now):
                self.unproven.discard(client.number)

    def doubt(self, now: float, away: float) -> None:
        """The master was away for so many seconds: nobody knows who is still there. What was sent
        meanwhile lies in its sockets, and proves nothing; who is heard once that is read is
        there."""
        away = min(away, UNREAD)
        words = (away / self.interval + 1) * len(self.clients)
        rest = min(max(0.0, self._proof_from + away - now), UNREAD)  # unread from the last time
        self._proof_from = now + max(BACKLOG, rest + min(words * WORD, UNREAD))
        self._doubted_until = self._proof_from + away
        self._count(now)
        self.unproven.update(self._by_number)

    def _reads_on(self, now: float) -> bool:
        """Does more come than clients say by themselves? Then it is of before, on a machine or
        from clients for whom `doubt` has not reckoned enough, and is given more time."""
        usual = len(self.clients) * (now - self._counted_from) / self.interval
        if now >= self._doubted_until or self._words <= max(FEW, FLAT_OUT * usual):
            self._doubted_until = now
            return False
        self._proof_from = now + BACKLOG
        self._count(now)
        return True

    def _count(self, now: float) -> None:
        self._words, self._counted_from = 0, now

    def deadline(self) -> float | None:
        """When `tick` has something to do."""
        return self._queue[0][0] if self._queue else None

    def tick(self, now: float) -> tuple[list[Client], list[Client], list[Client]]:
        """What the time brought: to whom to give a sign of life, who is silent now, and who is to
        be removed."""
        tell: list[Client] = []
        missed: list[Client] = []
        over: list[Client] = []
        if self._queue and now - self._queue[0][0] > LATE:
            late = now - self._queue[0][0]
            self._grace_until = now + min(max(late, LATE), self.timeout)
        while self._queue and self._queue[0][0] <= now:
            due, number = heappop(self._queue)
            client = self._by_number.get(number)
            if client is None or client.due != due:
                continue
            client.due = float("inf")  # it may stand here twice at the same time
            if client.session is not None and now - client.told >= SIGNS * self.interval:
                client.told = now
                tell.append(client)
            if client.session is not None and client.heard + self._patience > now:
                self._await(client)
            elif now < self._grace_until and not client.excused:
                client.excused = True
                self.unproven.add(client.number)
                self._schedule(client, self._grace_until)
            else:
                client.strikes += 1
                if client.session is not None:
                    # What it said before counts no more: it may have stood still, and be behind.
                    client.silent, client.serving, client.reason = True, False, WAS_SILENT
                missed.append(client)
                if client.strikes >= self.limit:
                    over.append(client)
                else:
                    self._schedule(client, now + self.interval)
        return tell, missed, over

    def _await(self, client: Client) -> None:
        """Look at it again when it would be silent if it said nothing more."""
        self._schedule(client, timeslots.after(client.heard + self._patience, self._round))

    def _schedule(self, client: Client, due: float) -> None:
        client.due = due
        heappush(self._queue, (due, client.number))
