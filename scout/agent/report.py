"""The stream to the master: the gRPC shell around `core/session.py`.

One stream at a time, one timer. The loop is always the same: feed what happened to the session,
drain what it has to say, sleep until something happens or its deadline comes. When the stream
ends, for whatever reason, a new one is opened after a while; the session knows what to resume.

Owned by the event loop's thread.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import cast

import grpc
import grpc.aio

from scout.agent.channel import EOF, Call, connection, open_stream, why_not
from scout.agent.core.contact import Contact, Line
from scout.agent.core.patience import Patience
from scout.agent.core.phase import WORKING, Phase
from scout.agent.core.session import Session
from scout.core.backoff import Backoff
from scout.core.liveness import Liveness
from scout.core.messages import Ack, MasterHealth, MasterMessage, Registered
from scout.errors import ProtocolError
from scout.process.log import Log
from scout.wire import codec

UNREACHABLE = Backoff(base=0.05, limit=0.5)
"""Between attempts to reach a master. Low, so that files return within a second of its return."""

REFUSED = Backoff(base=0.5, limit=5.0)
"""Between attempts after the master said no: a person must change something first."""

STEADY = 1.0
"""Seconds that a stream must have lasted for the next attempts to begin without a wait again."""

REGISTER_MOST = 10.0
"""Seconds that a connected master may take to answer Register: a thousand may be before us."""

STREAM_LIMIT, SLACK = 30.0, 10.0
"""Seconds without a message of the master, or the end of an attempt to reach it: the stream is
stuck. Where the master asks less often, what it announced and some more."""

PARTING = 1.0
"""Seconds that the stream's status may take after a goodbye or a failed write."""

LOOK = 1.0
"""Seconds between two looks whether a master that takes nothing more is gone."""

WRITE_FAILED = (grpc.StatusCode.INTERNAL, "Internal error from Core")
"""What gRPC's asyncio client calls the end of a stream that it found out about by a write."""

GONE = (grpc.RpcError, grpc.aio.BaseError, grpc.aio.UsageError, asyncio.InvalidStateError)
"""What a write to a stream that has ended raises. Whatever else the speaker raises is a bug."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How an attempt or a stream ended. `refused`: the master itself said no."""

    code: grpc.StatusCode
    reason: str
    refused: bool
    registered: bool


class Reporter:
    """Keeps a stream to the master. `run` goes on until it is cancelled."""

    def __init__(
        self,
        address: str,
        session: Session,
        liveness: Liveness,
        log: Log,
        random: Random,
        on_state: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
        on_turn: Callable[[], None] = lambda: None,
        *,
        once: bool = True,
    ) -> None:
        """`on_turn` is called before anything is said: does what would be said still hold? `once`:
        nothing more is tried if the very first stream does not lead to a registration."""
        self.address = address
        self.trouble: Ended | None = None
        """Why there is no stream; None while there is one."""
        self.reconnects = 0
        self.first: asyncio.Future[Ended | None] = asyncio.get_running_loop().create_future()
        self._session = session
        self._liveness = liveness
        self._log = log
        self._random = random
        self._on_state = on_state
        self._on_turn = on_turn
        self._once = once
        self._clock = clock
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._patience = Patience()
        self._contact = Contact()
        self._move: bytes | None = None
        self._leaving = False

    @property
    def connected(self) -> bool:
        """True while the master has us registered."""
        return self._session.phase is Phase.LIVE

    @property
    def refusal(self) -> str:
        """Why the master refuses us, though it may take us in for a while; empty if it does not."""
        return self._contact.refusal

    def nudge(self) -> None:
        """Something changed that the session may want to tell."""
        self._wake.set()

    def move(self, real_path: bytes) -> None:
        """The path leads to another real path: register anew, to tell it."""
        self._move = real_path
        self._session.leave()
        self._wake.set()

    async def run(self) -> None:
        """Open stream after stream. If the very first does not lead to a registration, `first`
        says how it ended."""
        failures = 0
        while True:
            begun = self._clock()
            ended = await self.attempt()
            if not self.first.done():
                self.first.set_result(ended)
                if self._once:
                    await asyncio.Event().wait()
            acknowledged = self._session.acknowledged_at
            useful = acknowledged is not None and acknowledged >= begun
            steady = self._clock() - begun >= STEADY
            if ended.registered and steady and (useful or not ended.refused):
                failures = 0
            self._note(ended)
            backoff = REFUSED if ended.refused else UNREACHABLE
            if self._move is not None:
                self._session.move(self._move)
                self._move = None
            else:
                await asyncio.sleep(backoff.delay(failures, self._random))
                failures += 1
            self.reconnects += 1

    async def leave(self, limit: float) -> None:
        """Say goodbye, if there is somebody to say it to, and wait up to `limit` seconds until it
        has arrived."""
        self._leaving = True
        if self._session.phase is not Phase.CLOSED:
            # Also while the answer to Register is on its way: the claim may stand already.
            self._session.leave()
            self._wake.set()
            try:
                async with asyncio.timeout(limit):
                    await self._idle.wait()
            except TimeoutError:
                self._log.warning("the master did not take the goodbye", master=self.address)

    async def attempt(self) -> Ended:
        """Open one stream and live with it until it ends."""
        self._liveness.beat("stream", self._clock())
        limit = self._patience.attempt()
        async with connection(self.address, limit.each, self._patience.line) as channel:
            try:
                begun = self._clock()
                async with asyncio.timeout(limit.whole):
                    await channel.channel_ready()
                self._patience.connected(self._clock() - begun)
            except TimeoutError:
                self._patience.unanswered()
                reason = await why_not(channel)
                return Ended(grpc.StatusCode.UNAVAILABLE, reason, False, False)
            call = open_stream(channel)
            now = self._clock()
            self._session.opened(now, time.time() - now)  # noqa: TID251 - only a start of slots
            self._idle.clear()
            try:
                ended = await self._converse(call)
                if ended.registered:
                    later = self._clock()
                    self._patience.ended(
                        lasted=later - now,
                        quiet=later - self._session.heard_at,
                        slowest=self._session.slowest,
                    )
                return ended
            finally:
                self._idle.set()
                self._session.closed()
                call.cancel()
                self._on_state()

    async def _converse(self, call: Call) -> Ended:
        """Speak and listen until one of them is over."""
        listener = asyncio.create_task(self._listen(call))
        speaker = asyncio.create_task(self._speak(call))
        try:
            if not await self._ended(listener, speaker):
                return self._broken("the master was silent for too long")
            # After a goodbye, or a write that failed, the stream's status follows.
            await asyncio.wait({listener}, timeout=PARTING)
            if not listener.done():
                return self._broken("the stream broke")
            listener.result()
            return self._broken("the master ended the stream")
        except grpc.aio.AioRpcError as error:
            code, reason = error.code(), error.details() or ""
            if (code, reason) == WRITE_FAILED:
                return self._broken("the stream broke while it was written to")
            refused = code not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
            return Ended(code, reason, refused, self.connected)
        except ProtocolError as error:
            return self._broken(str(error))
        except TimeoutError:
            return self._broken("the master did not answer the registration")
        finally:
            for task in (listener, speaker):
                task.cancel()
            await asyncio.gather(listener, speaker, return_exceptions=True)
            # An exception holds this frame, and this frame who holds the exception: in such a
            # circle the call, and by it its connection, would stay until the collector comes by.
            del listener, speaker, task

    async def _ended(self, listener: asyncio.Task[None], speaker: asyncio.Task[None]) -> bool:
        """Wait until one of them is over; False if the master is silent for too long. Raises what
        ended the speaker if that is a bug."""
        while not (listener.done() or speaker.done()):
            # A write waits for ever where the master's host is gone: the speaker can't look.
            await asyncio.wait(
                {listener, speaker}, timeout=LOOK, return_when=asyncio.FIRST_COMPLETED
            )
            now = self._clock()
            self._say(self._contact.late(now))
            if self._session.silent(now):
                break
        if speaker.done():
            _raise_bug(speaker)
        return listener.done() or not self._session.silent(self._clock())

    def _broken(self, reason: str) -> Ended:
        return Ended(grpc.StatusCode.UNAVAILABLE, reason, False, self.connected)

    async def _listen(self, call: Call) -> None:
        """Feed the session until the stream ends."""
        session = self._session
        # `asyncio.wait_for` would lose a cancellation that comes together with the answer.
        async with asyncio.timeout(REGISTER_MOST):
            data = await call.read()
        while data is not EOF:
            now = self._clock()
            message = codec.decode_master(cast(bytes, data))
            before = self._standing()
            session.received(message, now)
            self._liveness.beat("stream", now)
            if isinstance(message, Registered):
                self._patience.registered(message.health_timeout)
                patience = message.heartbeat_limit + message.health_timeout
                self._liveness.expect("stream", max(STREAM_LIMIT, patience + SLACK), now)
                self.trouble = None
                self._say(self._contact.registered(now))
                if not self.first.done():
                    self.first.set_result(None)
            if self._contact.refusal and self._has_proven(message):
                self._say(self._contact.proven(now))
                self._on_state()
            if before != self._standing():
                self._on_state()
            self._wake.set()
            data = await call.read()

    def _standing(self) -> tuple[Phase, bool, bool]:
        session = self._session
        return session.phase, session.master_serving, session.acknowledged_at is None

    def _has_proven(self, message: MasterMessage) -> bool:
        """Does the master keep us, and not take us in only to refuse what we have? It says so when
        it acknowledges, when there is nothing that it lacks, and by a sign of life."""
        return isinstance(message, Ack | MasterHealth) or self._session.in_step

    async def _speak(self, call: Call) -> None:
        """Drain the session until it has said goodbye or the master has been silent too long."""
        session = self._session
        while True:
            self._wake.clear()
            now = self._clock()
            if session.silent(now):
                return
            self._on_turn()
            message = session.next(now)
            if message is WORKING:
                await asyncio.sleep(0)
            elif message is not None:
                await call.write(codec.encode_agent(message))
                if session.phase is Phase.PARTING:
                    await call.done_writing()
                    return
            else:
                self._arm(session.deadline(), now)
                await self._wake.wait()

    def _arm(self, deadline: float | None, now: float) -> None:
        """Wake up at `deadline`. There is one timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if deadline is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(0.0, deadline - now), self._wake.set)

    def _note(self, ended: Ended) -> None:
        """Log a turn for the worse."""
        self.trouble = ended
        if self._leaving:
            return
        now = self._clock()
        if self._move is None:
            self._say(
                self._contact.ended(ended.code.name, ended.reason, refused=ended.refused, now=now)
            )
        self._say(self._contact.late(now))
        self._on_state()

    def _say(self, line: Line | None) -> None:
        if line is not None:
            say = self._log.warning if line.bad else self._log.info
            say(line.text, master=self.address, **line.fields)


def _raise_bug(speaker: asyncio.Task[None]) -> None:
    """What ends the speaker, other than the end of its stream, must not look like a fault of the
    network, and be tried again for ever."""
    error = None if speaker.cancelled() else speaker.exception()
    if error is not None and not isinstance(error, GONE):
        raise error
