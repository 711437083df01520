"""Who is registered, who has fallen silent, and whom the master gives up."""

import pytest

from scoutmaster.core.refusal import Refused, Status
from scoutmaster.core.registry import LATE, SIGNS, WORD, Client, Registry, Standing
from scoutmaster.core.session import Session
from scoutmaster.core.sorted_names import SortedNames

INTERVAL, TIMEOUT, LIMIT = 2.0, 1.0, 3


class Roll:
    """A registry whose clock jumps from deadline to deadline, and what came of each tick."""

    def __init__(self, capacity: int = 10_000, limit: int = LIMIT) -> None:
        self.now = 100.0
        self.registry = Registry(interval=INTERVAL, timeout=TIMEOUT, limit=limit, capacity=capacity)
        self.told: list[tuple[float, Client]] = []
        self.missed: list[tuple[float, Client]] = []
        self.over: list[tuple[float, Client]] = []
        self.ticks = 0

    def add(self, host: str = "host") -> Client:
        return self.registry.add(
            Session(f"{host}:1"), (host, b"/d"), epoch=1, version="1", now=self.now
        )

    def run(self, seconds: float) -> None:
        """Tick at each deadline of the next `seconds`; those given up are removed."""
        end = self.now + seconds
        while (due := self.registry.deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            tell, missed, over = self.registry.tick(self.now)
            self.ticks += 1
            self.told += [(self.now, it) for it in tell]
            self.missed += [(self.now, it) for it in missed]
            self.over += [(self.now, it) for it in over]
            for client in over:
                self.registry.remove(client)
        self.now = end

    def speak(self, *clients: Client, times: int = 1, every: float = INTERVAL) -> None:
        """Let `clients` say something, after `every` seconds each time."""
        for _ in range(times):
            self.run(every)
            for client in clients:
                self.registry.heard(client, self.now)


def test_who_speaks_every_interval_is_never_struck() -> None:
    """Nor is one whose words come a little less than the time limit late."""
    roll = Roll()
    client = roll.add()
    roll.speak(client, times=30)
    roll.speak(client, times=30, every=INTERVAL + TIMEOUT * 0.94)
    assert (roll.missed, client.strikes, client.silent) == ([], 0, False)


def test_who_is_later_than_the_limit_is_silent() -> None:
    """One strike hides it, no later than interval and time limit after its last word; it stays
    registered."""
    roll = Roll()
    client = roll.add()
    roll.speak(client)
    heard = roll.now
    roll.run(INTERVAL + TIMEOUT)
    [(when, missed)] = roll.missed
    assert missed is client
    assert INTERVAL + TIMEOUT - 0.1 < when - heard <= INTERVAL + TIMEOUT
    assert client.judge() == (Standing.UNHEALTHY, "it is silent")
    assert roll.registry.find(client.key) is client


def test_anything_it_says_clears_the_strikes() -> None:
    """Strikes count in a row: two, a word, and two more are not the limit of three."""
    roll = Roll()
    client = roll.add()
    for _ in range(3):
        while client.strikes < LIMIT - 1:
            roll.run(0.1)
        roll.registry.heard(client, roll.now)
        assert (client.strikes, client.silent) == (0, False)
    assert roll.over == []


def test_the_limit_of_strikes_in_a_row_ends_the_registration() -> None:
    """An interval each; then its place in the queue is void."""
    roll = Roll()
    client = roll.add()
    first = roll.now
    roll.run(60.0)
    assert [it for _, it in roll.over] == [client]
    assert roll.over[0][0] - first == pytest.approx(LIMIT * INTERVAL + TIMEOUT, abs=0.06)
    assert len(roll.missed) == LIMIT
    assert roll.registry.find(client.key) is None
    assert roll.registry.by_number(client.number) is None
    assert roll.registry.deadline() is None


def test_a_client_without_a_stream_is_struck_each_interval_and_told_nothing() -> None:
    roll = Roll()
    client = roll.add()
    client.told = float("-inf")
    roll.registry.detach(client, roll.now)
    assert client.judge() == (Standing.UNHEALTHY, "the connection broke")
    gone = roll.now
    roll.run(60.0)
    assert roll.told == []
    assert [when for when, _ in roll.missed] == pytest.approx(
        [gone + INTERVAL * n for n in range(1, LIMIT + 1)]
    )
    assert roll.over == [(roll.missed[-1][0], client)]


def test_a_new_stream_ends_the_strikes_of_the_broken_one() -> None:
    roll = Roll()
    client = roll.add()
    roll.registry.detach(client, roll.now)
    roll.run(INTERVAL * (LIMIT - 1))
    assert client.strikes == LIMIT - 1
    roll.registry.attach(client, Session("again"), roll.now)
    roll.speak(client, times=30)
    assert (client.strikes, client.peer, roll.over) == (0, "again", [])


def test_a_client_with_two_streams_in_one_round_is_given_up_once() -> None:
    """Each of them had it looked at again at the same time; to give it up twice ends the master."""
    roll = Roll(limit=1)
    client = roll.add()
    roll.registry.attach(client, Session("host:2"), roll.now)
    roll.run(10.0)
    assert [it for _, it in roll.over] == [client]
    assert [it for _, it in roll.missed] == [client]


def test_a_master_that_was_late_itself_blames_nobody() -> None:
    """Held for a minute, it finds the words in its sockets first: only who is still silent after
    the grace is struck."""
    roll = Roll()
    prompt, mute = roll.add("prompt"), roll.add("mute")
    roll.speak(prompt, mute)
    roll.now += 60.0
    _, missed, over = roll.registry.tick(roll.now)
    assert (missed, over) == ([], [])
    due = roll.registry.deadline()
    assert due is not None
    assert roll.now < due <= roll.now + TIMEOUT
    roll.registry.heard(prompt, roll.now + 0.001)
    roll.run(TIMEOUT)
    assert [it for _, it in roll.missed] == [mute]
    assert (prompt.silent, mute.silent) == (False, True)


def test_lateness_below_the_bound_excuses_nobody() -> None:
    roll = Roll()
    client = roll.add()
    due = roll.registry.deadline()
    assert due is not None
    _, missed, _ = roll.registry.tick(due + LATE / 2)
    assert missed == [client]
    assert client.silent


def test_a_late_master_strikes_no_client_without_a_stream_either() -> None:
    """It may have connected again meanwhile; the news waits in the socket."""
    roll = Roll()
    client = roll.add()
    roll.registry.detach(client, roll.now)
    roll.now += 60.0
    assert roll.registry.tick(roll.now) == ([], [], [])
    assert client.strikes == 0
    roll.run(TIMEOUT)
    assert client.strikes == 1


@pytest.mark.parametrize("late", [LATE * 1.2, LATE * 3])
@pytest.mark.parametrize("connected", [True, False])
def test_a_master_that_is_always_late_gives_up_a_dead_client_all_the_same(
    late: float, connected: bool
) -> None:
    """On a machine with too little time each tick is late: that excuses a client once, not for
    ever."""
    roll = Roll()
    client = roll.add()
    if not connected:
        roll.registry.detach(client, roll.now)
    began, over = roll.now, False
    while not over and roll.now - began < 600.0:
        due = roll.registry.deadline()
        assert due is not None
        roll.now = due + late
        over = client in roll.registry.tick(roll.now)[2]
    assert roll.now - began < (LIMIT + 2) * (INTERVAL + TIMEOUT)


def test_each_word_earns_a_client_its_excuse_anew() -> None:
    roll = Roll()
    client = roll.add()
    for _ in range(20):
        due = roll.registry.deadline()
        assert due is not None
        assert roll.registry.tick(due + 1.0)[1] == []
        roll.now = due + 1.1
        roll.registry.heard(client, roll.now)
    assert (client.strikes, client.silent) == (0, False)


@pytest.mark.parametrize(
    ("count", "interval", "every", "away", "cost"),
    [
        (200, 0.2, 0.2, 30.0, 0.00013),
        (200, 2.0, 0.2, 30.0, 0.00013),
        (500, 2.0, 2.0, 30.0, 0.001),
        (5000, 2.0, 2.0, 8.0, 0.00013),
    ],
    ids=["many-words", "talkative-clients", "a-slow-machine", "many-clients"],
)
def test_a_word_that_was_unread_proves_nothing_however_long_the_reading_takes(
    count: int, interval: float, every: float, away: float, cost: float
) -> None:
    """Streams are read in turn. One of the clients has fallen silent while the master was away;
    the others speak on, and in the end all of them are proven."""
    registry = Registry(interval=interval, timeout=1.0, limit=LIMIT, capacity=count)
    roll = [
        registry.add(Session(f"{it}:1"), (f"{it}", b"/d"), epoch=1, version="1", now=0.0)
        for it in range(count)
    ]
    dead, read = roll[0], dict.fromkeys(roll, 0)
    registry.doubt(away, away)
    now = away
    while len(registry.unproven) > 1 and now < 10 * away:
        idle = True
        for number, client in enumerate(roll):
            said = every * (read[client] + 1 + number / count)
            if said > now or (client is dead and said > 0.8 * away):
                continue
            idle, read[client], now = False, read[client] + 1, now + cost
            before = client.number in registry.unproven
            registry.heard(client, now)
            assert said > away or client.number in registry.unproven or not before
        now += 0.001 * idle
    assert registry.unproven == {dead.number}
    assert now < 3 * away


def test_pauses_one_after_another_add_up_to_what_is_unread() -> None:
    """The second begins while what came in the first is still being read."""
    registry = Registry(interval=0.1, timeout=1.0, limit=LIMIT, capacity=1000)
    roll = [
        registry.add(Session(f"{it}:1"), (f"{it}", b"/d"), epoch=1, version="1", now=0.0)
        for it in range(100)
    ]
    registry.doubt(50.0, 50.0)
    registry.doubt(55.0, 4.0)
    registry.heard(roll[0], 55.0 + 500 * 100 * WORD - 1.1)
    assert len(registry.unproven) == 100
    registry.heard(roll[0], 55.0 + 600 * 100 * WORD)
    assert len(registry.unproven) == 99


def test_each_client_gets_a_sign_of_life_as_often_as_was_promised() -> None:
    """Also one that is silent itself; and not much more often than every few intervals."""
    roll = Roll()
    client = roll.add()
    roll.registry.limit = 1000
    times = [roll.now]
    roll.speak(client, times=40)
    roll.run(20 * INTERVAL)
    times += [when for when, _ in roll.told]
    gaps = [b - a for a, b in zip(times, [*times[1:], roll.now], strict=True)]
    assert max(gaps) <= roll.registry.heartbeat_limit
    assert min(gaps[:-1]) >= SIGNS * INTERVAL


def test_a_crowd_is_looked_at_in_rounds() -> None:
    """The program is woken for some of a thousand clients at a time: neither for each, nor for
    all of those that registered at once."""
    roll = Roll()
    crowd = [roll.add(f"host{number}") for number in range(1000)]
    for number, client in enumerate(crowd):
        roll.registry.heard(client, roll.now + number * 0.002)
    roll.run(2 * INTERVAL + TIMEOUT)
    assert 40 <= roll.ticks <= 45


def test_a_full_master_refuses_one_more_and_says_which_option_helps() -> None:
    roll = Roll(capacity=2)
    first = roll.add("a")
    roll.add("b")
    with pytest.raises(Refused, match="--max-clients") as refused:
        roll.add("c")
    assert refused.value.status is Status.RESOURCE_EXHAUSTED
    assert set(roll.registry.clients) == {("a", b"/d"), ("b", b"/d")}
    roll.registry.remove(first)
    assert roll.add("c").host == "c"


def test_numbers_are_never_used_twice() -> None:
    """The catalog knows owners by number: a new client must not inherit another's files."""
    roll = Roll()
    numbers = []
    for _ in range(5):
        client = roll.add()
        numbers.append(client.number)
        roll.registry.remove(client)
    assert len(set(numbers)) == 5


def test_the_queue_of_a_client_that_was_replaced_does_not_strike_its_successor() -> None:
    roll = Roll()
    old = roll.add()
    roll.run(INTERVAL)
    roll.registry.remove(old)
    new = roll.add()
    roll.speak(new, times=30)
    assert (roll.missed, new.strikes) == ([], 0)


def test_healthy_means_connected_heard_vouching_and_held() -> None:
    """Each of the four alone spoils it, and is the reason that a reader is given."""
    roll = Roll()
    client = roll.add()
    assert client.judge() == (Standing.SYNCING, "it has just registered")
    client.reason = ""
    assert client.judge() == (Standing.SYNCING, "its first snapshot is on the way")
    client.holding = SortedNames()
    client.serving = True
    assert client.judge() == (Standing.HEALTHY, "")
    client.standing = Standing.HEALTHY
    client.serving, client.reason = False, "permission denied"
    assert client.judge() == (Standing.UNHEALTHY, "permission denied")
    client.serving = True
    client.silent = True
    assert client.judge()[0] is Standing.UNHEALTHY
    client.silent, client.session = False, None
    assert client.judge() == (Standing.UNHEALTHY, "the connection broke")


def test_a_client_is_not_called_unhealthy_between_its_first_snapshot_and_its_word() -> None:
    """Every registration would log "client unhealthy" otherwise."""
    client = Roll().add()
    client.holding, client.reason = SortedNames(), "catching up"
    assert client.judge() == (Standing.SYNCING, "catching up")


def test_a_name_for_people_shows_any_path() -> None:
    registry = Roll().registry
    client = registry.add(Session("p"), ("h", b"/in\xff"), epoch=1, version="", now=0.0)
    assert client.name == r"h:/in\xff"
