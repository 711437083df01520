"""The gRPC shell around `core/master.py`: streams in and out, one timer, work in slices.

Owned by the event loop's thread. Whatever happens is fed to the master; then `after` sends what
is owed, ends what has ended, and sees to the next tick and the next slice of work.
"""

import asyncio
import contextlib
import gc
import time
from collections.abc import Callable
from typing import cast
from urllib.parse import unquote

import grpc
import grpc.aio

from scout.core.messages import AgentMessage, Changes, Deregister, Part
from scout.errors import ProtocolError
from scout.process.clock import boottime
from scout.process.log import Log
from scout.wire import codec, transport
from scoutmaster.client_log import ClientLog
from scoutmaster.core.catalog import BUDGET
from scoutmaster.core.master import Master
from scoutmaster.core.refusal import BUG, Ending, Refused, Status
from scoutmaster.core.session import Session

MESSAGE_LIMIT = 1280 * 1024
"""Bytes in a message. Much more would hold the loop while it is taken apart."""

IDLE = 5.0
"""Seconds that a connection may have no stream. An agent opens one at once."""

GREETING = 10.0
"""Seconds that a new stream may take to register."""

OPTIONS = (
    # With it a second master on the same port would share its agents instead of failing.
    ("grpc.so_reuseport", 0),
    # The longest part of a snapshot takes 1.04 MiB; what is longer is none of ours.
    ("grpc.max_receive_message_length", MESSAGE_LIMIT),
    # One stream is one client; a connection with many is none of ours.
    ("grpc.max_concurrent_streams", 16),
    # Nor is one without any for a while. A peer that keeps them open would use up our descriptors,
    # and need not mean to: gRPC's asyncio client does, until its collector runs.
    ("grpc.max_connection_idle_ms", round(1000 * IDLE)),
    *transport.OPTIONS,
)

Context = grpc.aio.ServicerContext[bytes, bytes]

PAUSE, PATIENCE = 0.05, 2.0
"""Seconds without a word, and at most in all, before a refused agent gets its status."""

GONE = (grpc.RpcError, grpc.aio.UsageError, grpc.aio.BaseError, asyncio.InvalidStateError)
"""What reading from a stream that is gone, or writing to it, raises. All else is a bug."""

MANY = 50_000
"""Names that came, after which they are taken from the cyclic collector's sight: 1 or 2 ms."""

SMALL, GIVE_WAY = 64, 0.001
"""Seconds that the Ack of a delta of so many names waits for those who read the list, and who want
to see that delta now: to send it takes Python's lock for 0.3 ms, and they would get it only after
that. The agent does not miss the Ack: its next delta leaves 10 ms after the last, and so few names
are taken in long before."""

SPARE = 1000
"""Streams beyond the clients' limit: those that are about to be refused or replaced."""

EOF: object = grpc.aio.EOF  # type: ignore[attr-defined]  # the stubs lack it


class _Stream:
    """One open stream: its session, its handler's task, and at most one writer."""

    def __init__(
        self,
        session: Session,
        context: Context,
        task: asyncio.Task[object],
        on_bug: Callable[[Session], None],
    ) -> None:
        self.session = session
        self._on_bug = on_bug
        self.context = context
        self.task = task
        self.writer: asyncio.Task[None] | None = None
        # Can the agent do without its Ack for a moment?
        self.patient = False
        self._later: asyncio.TimerHandle | None = None

    def failed(self) -> None:
        """A bug, whose exception is under way, ends this stream."""
        self._on_bug(self.session)
        self.task.cancel()

    def flush(self) -> None:
        """Send what the session owes, in order, without waiting for it."""
        if not (self.patient and len(self.session.outbox) == 1):
            self.write()
        elif self._later is None:
            self._later = asyncio.get_running_loop().call_later(GIVE_WAY, self.write)

    def write(self) -> None:
        """Send it now."""
        self.rest()
        if self.session.outbox and (self.writer is None or self.writer.done()):
            self.writer = asyncio.create_task(self._write())

    def rest(self) -> None:
        """Begin to send nothing any more."""
        if self._later is not None:
            self._later.cancel()
            self._later = None

    async def _write(self) -> None:
        outbox = self.session.outbox
        try:
            while outbox:
                await self.context.write(codec.encode_master(outbox.popleft()))
        except GONE:
            # The stream is gone; its handler finds out by itself and says so to the master.
            outbox.clear()
        except Exception:  # noqa: BLE001 - a bug, which ends this stream alone
            outbox.clear()
            self.failed()


class Streams:
    """All open streams of one master."""

    def __init__(
        self,
        master: Master,
        log: Log,
        on_applied: Callable[[float], None],
        *,
        greeting: float = GREETING,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._master = master
        self._greeting = greeting
        self._log = ClientLog(log, clock)
        self._on_applied = on_applied
        self._clock = clock
        self._streams: dict[Session, _Stream] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = float("inf")
        self._working = False
        self._fresh = 0
        self._closing = False

    def handler(self) -> "grpc.GenericRpcHandler[bytes, bytes]":
        """What to add to a gRPC server. Messages stay bytes; the codec is called here."""
        method = grpc.stream_stream_rpc_method_handler(self._report)
        return grpc.method_handlers_generic_handler(codec.SERVICE, {codec.METHOD: method})

    def after(self) -> None:
        """Carry out what the last event led to."""
        master = self._master
        for session in master.take_awake():
            stream = self._streams.get(session)
            if stream is not None:
                stream.flush()
                if session.ended:
                    stream.task.cancel()
        for turn in master.take_turns():
            if master.serving:  # after that all of them go, and one line says so
                self._log.turned(turn)
        if master.catalog.busy and not self._working:
            self._working = True
            asyncio.get_running_loop().call_soon(self._work)
        self._arm()

    def end_all(self, ending: Ending) -> None:
        """End every stream with a status."""
        self._closing = True
        self._log.close()
        for session, stream in list(self._streams.items()):
            session.end(ending)
            stream.task.cancel()

    @property
    def open(self) -> int:
        """How many streams there are."""
        return len(self._streams)

    async def _report(self, _: object, context: Context) -> None:
        task = asyncio.current_task()
        assert task is not None
        session = self._master.opened(unquote(context.peer()))
        stream = self._streams[session] = _Stream(session, context, task, self._bug)
        try:
            await self._read(stream)
            stream.write()
            if stream.writer is not None:
                await stream.writer
        except Refused as refusal:
            session.end(refusal.ending)
        except asyncio.CancelledError:
            if session.ended is None:
                raise
            task.uncancel()
        except GONE:
            raise
        except Exception:  # noqa: BLE001 - a bug: that of one stream must not harm the others
            self._bug(session)
        finally:
            # Before the status is sent: whoever reads it finds the claim as it says.
            del self._streams[session]
            stream.rest()
            self._master.closed(session, self._clock())
            self.after()
        if session.ended is not None:
            await self._refuse(session.peer, context, session.ended)

    def _bug(self, session: Session) -> None:
        """Log the exception under way, and let the stream end with INTERNAL."""
        session.end(Ending(Status.INTERNAL, BUG))
        self._log.bug(session.peer)

    async def _read(self, stream: _Stream) -> None:
        master, clock = self._master, self._clock
        session, context = stream.session, stream.context
        data = await self._first(context)
        while data is not EOF:
            begun = clock()
            master.looked(begun, boottime())
            try:
                message = codec.decode_agent(cast(bytes, data))
            except ProtocolError as error:
                raise Refused(
                    Status.INVALID_ARGUMENT, f"{error}; is it of another version than the master?"
                ) from error
            master.received(session, message, begun)
            stream.patient = _paced(message)
            if isinstance(message, Changes):
                self._grown(len(message.added))
            self._on_applied(clock() - begun)
            self.after()
            if isinstance(message, Deregister):
                return
            data = await context.read()

    async def _first(self, context: Context) -> object:
        """What a stream begins with. Nobody may keep one open without a word."""
        if len(self._streams) > self._master.policy.max_clients + SPARE:
            raise Refused(Status.RESOURCE_EXHAUSTED, "the master has too many open streams")
        try:
            async with asyncio.timeout(self._greeting):
                return await context.read()
        except TimeoutError as error:
            raise Refused(
                Status.DEADLINE_EXCEEDED, f"no registration within {self._greeting:g} s"
            ) from error

    async def _refuse(self, peer: str, context: Context, ending: Ending) -> None:
        """End the stream with its status. By returning, not by `abort`: gRPC keeps the exception
        that this raises, and by its traceback every frame and all that they held."""
        if not self._closing:
            self._log.ended(peer, ending)
            await _hear_out(context)
        context.set_code(grpc.StatusCode[ending.status.name])
        context.set_details(ending.message)

    def _work(self) -> None:
        """One slice; the next one after whatever else the loop has to do."""
        self._working = self._master.work()
        self._grown(BUDGET)
        if self._working:
            asyncio.get_running_loop().call_soon(self._work)
        else:
            self.after()

    def _grown(self, names: int) -> None:
        """So many names more were taken in or put in order. They stay for long, and Python's
        cyclic collector would walk over all of them again and again, 40 ms for two million, and
        never find anything: it shall forget them. What is garbage by now would stay as well, so
        that goes first; and it goes often, for what is walked over then holds the loop.

        What ends later, and was there now, is freed by counting alone. So nothing that ends may be
        part of a circle: no stream, no request, no exception with its traceback."""
        self._fresh += names
        if self._fresh >= MANY:
            self._fresh = 0
            gc.collect()
            gc.freeze()

    def _arm(self) -> None:
        """See to the next tick. There is one timer, and it is moved only to come earlier."""
        due = self._master.deadline()
        if due is None or due >= self._timer_at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = due
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(max(0.0, due - self._clock()), self._tick)

    def _tick(self) -> None:
        self._timer_at = float("inf")
        now = self._clock()
        self._master.looked(now, boottime())
        self._master.tick(now)
        self.after()


async def _hear_out(context: Context) -> None:
    """Read on until the agent pauses. Its gRPC library takes a write that fails for the end of
    the stream, and then never tells it the status, which says what to do."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            data: object = b""
            while data is not EOF:
                async with asyncio.timeout(PAUSE):
                    data = await context.read()


def _paced(message: AgentMessage) -> bool:
    """Is this a delta so small that the agent would have to wait even if it had its Ack?"""
    return (
        isinstance(message, Changes)
        and message.part is Part.DELTA
        and len(message.added) + len(message.removed) <= SMALL
    )
