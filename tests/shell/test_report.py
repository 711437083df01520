"""How the agent goes on after a stream has ended."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import cast

import grpc
import pytest

from scout.agent.channel import EOF, Call
from scout.agent.core.inventory import Inventory
from scout.agent.core.phase import Phase, Working
from scout.agent.core.session import Session
from scout.agent.report import Ended, Reporter
from scout.core.liveness import Liveness
from scout.core.messages import AgentMessage, Deregister, Health, MasterMessage, Registered
from scout.process import log
from scout.wire import codec

CODE = grpc.StatusCode

LOST = Ended(CODE.UNAVAILABLE, "the stream broke", refused=False, registered=True)
UNREACHABLE = Ended(CODE.UNAVAILABLE, "no connection", refused=False, registered=False)
CLAIMED = Ended(CODE.ALREADY_EXISTS, "claimed", refused=True, registered=False)
TOO_MANY = Ended(CODE.RESOURCE_EXHAUSTED, "--max-files", refused=True, registered=True)


class Caps(Random):
    """Draws nothing; notes how long each wait might have been at most."""

    def __init__(self) -> None:
        super().__init__(0)
        self.seen: list[float] = []

    def uniform(self, a: float, b: float) -> float:
        self.seen.append(b)
        return a


class Script(Reporter):
    """A reporter whose streams end as they are told to, after `lasting` seconds. `useful`: it had
    something acknowledged."""

    def __init__(self, *endings: Ended, lasting: float, useful: bool) -> None:
        self.caps = Caps()
        self.session = Session("h", b"/d", 1, "1", Inventory())
        self.now = 0.0
        super().__init__(
            "nowhere:1",
            self.session,
            Liveness(),
            log.get("test"),
            self.caps,
            lambda: None,
            clock=lambda: self.now,
        )
        self.first.set_result(None)
        self._endings = list(endings)
        self._lasting = lasting
        self._useful = useful

    async def attempt(self) -> Ended:
        if not self._endings:
            raise asyncio.CancelledError
        self.now += self._lasting
        if self._useful:
            self.session.acknowledged_at = self.now
        return self._endings.pop(0)


async def waits(*endings: Ended, lasting: float = 60.0, useful: bool = False) -> list[float]:
    """The longest that each wait might have been."""
    it = Script(*endings, lasting=lasting, useful=useful)
    with pytest.raises(asyncio.CancelledError):
        await it.run()
    return it.caps.seen


async def test_a_lost_master_is_looked_for_at_once_each_time() -> None:
    assert await waits(LOST, LOST, LOST) == [0.05, 0.05, 0.05]


async def test_streams_that_break_as_soon_as_they_stand_are_opened_ever_more_slowly() -> None:
    """Something between us ends them each time: asking at once would only add to it."""
    assert await waits(*[LOST] * 4, lasting=0.1, useful=True) == [0.05, 0.1, 0.2, 0.4]


async def test_a_master_that_is_not_there_is_looked_for_ever_more_slowly() -> None:
    assert await waits(*[UNREACHABLE] * 5) == [0.05, 0.1, 0.2, 0.4, 0.5]


async def test_a_master_that_says_no_is_asked_ever_more_slowly() -> None:
    assert await waits(*[CLAIMED] * 5) == [0.5, 1.0, 2.0, 4.0, 5.0]


async def test_a_refusal_after_the_registration_is_a_refusal_as_well() -> None:
    """Too many files for the master: it must not get a snapshot up to its limit twice a second."""
    assert await waits(*[TOO_MANY] * 5) == [0.5, 1.0, 2.0, 4.0, 5.0]


async def test_a_stream_that_was_of_use_lets_the_waits_start_anew() -> None:
    assert await waits(*[TOO_MANY] * 3, useful=True) == [0.5, 0.5, 0.5]


class Words:
    """A stream that brings these messages, then ends."""

    def __init__(self, *messages: MasterMessage) -> None:
        self._left: list[object] = [codec.encode_master(it) for it in messages]

    async def read(self) -> object:
        return self._left.pop(0) if self._left else EOF


async def test_a_master_that_speaks_seldom_is_not_taken_for_a_stuck_stream() -> None:
    """Else the watchdog would end every quiet agent of a master with a long --health-interval."""
    liveness = Liveness()
    inventory = Inventory()
    session = Session("host", b"/d", 1, "1", inventory)
    reporter = Reporter(
        "127.0.0.1:1",
        session,
        liveness,
        log.get("test"),
        Random(1),
        lambda: None,
        clock=lambda: 0.0,
    )
    liveness.expect("stream", 30.0, 0.0)
    session.opened(0.0)
    assert session.next(0.0) is not None
    granted = Registered(
        None, health_interval=60.0, health_timeout=1.0, heartbeat_limit=361.0, serving=True
    )
    await reporter._listen(cast(Call, Words(granted)))
    assert liveness.stuck(362.0) == {}
    assert "stream" in liveness.stuck(373.0)


class Late:
    """A stream whose first word comes when it is told to, and is the only one."""

    def __init__(self, word: MasterMessage) -> None:
        self.first = asyncio.Event()
        self._words = [codec.encode_master(word)]

    async def read(self) -> object:
        await self.first.wait()
        if not self._words:
            await asyncio.Event().wait()
        return self._words.pop()


@pytest.mark.parametrize("turns", range(5))
async def test_an_end_that_comes_together_with_the_masters_answer_is_heard(turns: int) -> None:
    """Else the agent would go on listening, and could not be stopped."""
    session = Session("host", b"/d", 1, "1", Inventory())
    reporter = Reporter("nowhere:1", session, Liveness(), log.get("test"), Random(1), lambda: None)
    session.opened(0.0)
    session.next(0.0)
    stream = Late(Registered(None, 2.0, 1.0, 13.0, serving=True))
    listener = asyncio.create_task(reporter._listen(cast(Call, stream)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    stream.first.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    listener.cancel()
    done, _ = await asyncio.wait({listener}, timeout=10.0)
    assert done


Context = grpc.aio.ServicerContext[bytes, bytes]


@asynccontextmanager
async def master(handler: Callable[[Context], Awaitable[None]]) -> AsyncIterator[str]:
    """A server whose streams are handled so. Its address."""

    async def handle(_: object, context: Context) -> None:
        await handler(context)

    server = grpc.aio.server()
    method = grpc.stream_stream_rpc_method_handler(handle)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(codec.SERVICE, {codec.METHOD: method}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(None)


async def test_a_master_that_takes_nothing_more_is_given_up() -> None:
    """Its host died in the midst of a snapshot: the write waits for room that never comes."""
    granted = Registered(
        None, health_interval=0.2, health_timeout=0.1, heartbeat_limit=0.3, serving=True
    )

    async def deaf(context: Context) -> None:
        await context.read()
        await context.write(codec.encode_master(granted))
        await asyncio.Event().wait()

    inventory = Inventory()
    for number in range(40_000):
        inventory.settle(b"%0200d" % number, present=True)
    session = Session("host", b"/d", 1, "1", inventory)
    session.vouch()
    async with master(deaf) as address:
        reporter = Reporter(address, session, Liveness(), log.get("test"), Random(1), lambda: None)
        ended = await reporter.attempt()
    assert "silent" in ended.reason


async def test_a_goodbye_waits_for_the_answer_to_the_registration() -> None:
    """Else the claim would stand until the master finds out, with nobody behind it."""
    granted = Registered(
        None, health_interval=2.0, health_timeout=1.0, heartbeat_limit=13.0, serving=True
    )
    asked, leaving = asyncio.Event(), asyncio.Event()
    heard: list[AgentMessage] = []

    async def slow(context: Context) -> None:
        await context.read()
        asked.set()
        await leaving.wait()
        await context.write(codec.encode_master(granted))
        while (data := await context.read()) is not EOF:
            heard.append(codec.decode_agent(data))

    session = Session("host", b"/d", 1, "1", Inventory())
    async with master(slow) as address:
        reporter = Reporter(address, session, Liveness(), log.get("test"), Random(1), lambda: None)
        attempt = asyncio.create_task(reporter.attempt())
        await asked.wait()
        goodbye = asyncio.create_task(reporter.leave(60.0))
        asyncio.get_running_loop().call_soon(leaving.set)
        await goodbye
        await attempt
    assert heard == [Deregister()]


async def test_a_bug_in_what_speaks_is_no_fault_of_the_network() -> None:
    """It would be taken for one, and tried again for ever."""
    granted = Registered(None, 2.0, 1.0, 13.0, serving=True)

    async def kind(context: Context) -> None:
        await context.read()
        await context.write(codec.encode_master(granted))
        while await context.read() is not EOF:
            pass

    class Buggy(Session):
        def next(self, now: float) -> AgentMessage | Working | None:
            if self.phase is Phase.LIVE:
                raise ZeroDivisionError("a bug")
            return super().next(now)

    session = Buggy("host", b"/d", 1, "1", Inventory())
    async with master(kind) as address:
        reporter = Reporter(address, session, Liveness(), log.get("test"), Random(1), lambda: None)
        with pytest.raises(ZeroDivisionError, match="a bug"):
            await reporter.attempt()


async def test_a_port_where_nobody_listens_says_so() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
        session = Session("host", b"/d", 1, "1", Inventory())
        reporter = Reporter(address, session, Liveness(), log.get("test"), Random(1), lambda: None)
        ended = await reporter.attempt()
    assert "refused" in ended.reason


class Lines:
    """A log that keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def warning(self, message: str, /, **_: object) -> None:
        self.said.append(message)

    info = warning


async def test_a_master_that_takes_us_in_and_then_refuses_us_is_one_line() -> None:
    """And the status names the refusal all the time, not only between two attempts."""
    granted = Registered(None, 2.0, 1.0, 13.0, serving=True)
    attempts = 0
    enough = asyncio.Event()

    async def full(context: Context) -> None:
        nonlocal attempts
        await context.read()
        await context.write(codec.encode_master(granted))
        # Up to its last word: what it still wrote would keep the status from arriving.
        message = None
        while not (isinstance(message, Health) and message.serving):
            message = codec.decode_agent(await context.read())
        attempts += 1
        if attempts == 4:
            enough.set()
        await context.abort(CODE.RESOURCE_EXHAUSTED, "more than 5 files")

    inventory = Inventory()
    for number in range(6):
        inventory.settle(b"%d" % number, present=True)
    session = Session("host", b"/d", 1, "1", inventory)
    session.vouch()
    lines = Lines()
    refusals: list[str] = []
    async with master(full) as address:
        reporter = Reporter(
            address,
            session,
            Liveness(),
            cast(log.Log, lines),
            Caps(),
            lambda: refusals.append(reporter.refusal),
        )
        running = asyncio.create_task(reporter.run())
        async with asyncio.timeout(60.0):
            await enough.wait()
        running.cancel()
        await asyncio.wait({running})
    assert lines.said == ["the master refused the registration"]
    assert set(refusals[3:]) == {"more than 5 files"}
