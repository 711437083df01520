"""Who is registered, whom the master asks, and whom it gives up."""

import itertools

import pytest

from scoutmaster.core.holding import Holding
from scoutmaster.core.refusal import Refused, Status
from scoutmaster.core.registry import LATE, Client, Registry, Standing
from scoutmaster.core.session import Session

INTERVAL, TIMEOUT, LIMIT = 2.0, 1.0, 3


class Roll:
    """A registry whose clock jumps from deadline to deadline, and what came of each tick."""

    def __init__(self, capacity: int = 10_000) -> None:
        self.now = 100.0
        self.registry = Registry(interval=INTERVAL, timeout=TIMEOUT, limit=LIMIT, capacity=capacity)
        self.asked: list[tuple[float, Client]] = []
        self.missed: list[tuple[float, Client]] = []
        self.over: list[tuple[float, Client]] = []

    def add(self, host: str = "host") -> Client:
        return self.registry.add(
            Session(f"{host}:1"), (host, b"/d"), epoch=1, version="1", now=self.now
        )

    def tick(self, late: float = 0.0) -> None:
        """Let the next deadline come, or pass by `late` seconds."""
        due = self.registry.deadline()
        assert due is not None
        self.now = max(self.now, due) + late
        for client in self.registry.tick(self.now)[0]:
            self.asked.append((self.now, client))

    def run(self, seconds: float, answering: bool = False) -> None:
        """Tick at each deadline of the next `seconds`; those given up are removed."""
        end = self.now + seconds
        while (due := self.registry.deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            ask, missed, over = self.registry.tick(self.now)
            self.asked += [(self.now, it) for it in ask]
            self.missed += [(self.now, it) for it in missed]
            self.over += [(self.now, it) for it in over]
            for client in over:
                self.registry.remove(client)
            if answering:
                for client in ask:
                    self.registry.heard(client, self.now)
        self.now = end


def test_who_answers_is_asked_once_an_interval_and_never_struck() -> None:
    roll = Roll()
    client = roll.add()
    roll.run(60.0, answering=True)
    times = [when for when, _ in roll.asked]
    assert [b - a for a, b in itertools.pairwise(times)] == pytest.approx(
        [INTERVAL] * (len(times) - 1)
    )
    assert len(times) in (29, 30)
    assert (roll.missed, client.strikes, client.silent) == ([], 0, False)


def test_who_does_not_answer_within_the_limit_falls_silent() -> None:
    """One strike hides it; it stays registered."""
    roll = Roll()
    client = roll.add()
    roll.tick()
    [(asked, _)] = roll.asked
    assert roll.registry.deadline() == pytest.approx(asked + TIMEOUT)
    roll.run(TIMEOUT)
    assert [it for _, it in roll.missed] == [client]
    assert client.judge() == (Standing.UNHEALTHY, "it does not answer health checks")
    assert roll.registry.find(client.key) is client


def test_an_answer_in_time_is_no_strike() -> None:
    roll = Roll()
    client = roll.add()
    roll.tick()
    roll.registry.heard(client, roll.now + TIMEOUT * 0.99)
    roll.run(TIMEOUT)
    assert roll.missed == []


def test_anything_it_says_counts_as_an_answer_and_clears_the_strikes() -> None:
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
    """After `limit` intervals; then it is asked no more, and its place in the queue is void."""
    roll = Roll()
    client = roll.add()
    roll.tick()
    first = roll.now
    roll.run(60.0)
    assert [it for _, it in roll.over] == [client]
    assert roll.over[0][0] == pytest.approx(first + (LIMIT - 1) * INTERVAL + TIMEOUT)
    assert len(roll.asked) == LIMIT
    assert roll.registry.find(client.key) is None
    assert roll.registry.by_number(client.number) is None
    assert roll.registry.deadline() is None


def test_a_client_without_a_stream_is_struck_each_interval_and_not_asked() -> None:
    roll = Roll()
    client = roll.add()
    roll.registry.detach(client, roll.now)
    assert client.judge() == (Standing.UNHEALTHY, "the connection broke")
    gone = roll.now
    roll.run(60.0)
    assert roll.asked == []
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
    roll.run(60.0, answering=True)
    assert (client.strikes, client.peer, roll.over) == (0, "again", [])


def test_a_master_that_was_late_itself_blames_nobody() -> None:
    """Held for a minute, it finds the answers in its sockets first: only who is still silent
    after the grace is struck."""
    roll = Roll()
    prompt, mute = roll.add("prompt"), roll.add("mute")
    while len(roll.asked) < 2:
        roll.tick()
    roll.now += 60.0
    assert roll.registry.tick(roll.now) == ([], [], [])
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
    roll.tick()
    roll.tick(late=LATE / 2)
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


def test_a_crowd_that_comes_at_once_is_asked_spread_over_the_interval() -> None:
    """In no twentieth of an interval is more than a tenth of the crowd asked; the first check of
    each comes after a quarter of the interval, so that it can send its files first."""
    roll = Roll()
    crowd = [roll.add(f"host{number}") for number in range(1000)]
    start = roll.now
    roll.run(INTERVAL, answering=True)
    slots = [0] * 20
    for when, _ in roll.asked[: len(crowd)]:
        slots[min(19, int((when - start) / INTERVAL * 20))] += 1
    assert {it for _, it in roll.asked} == set(crowd)
    assert max(slots) <= len(crowd) / 10
    assert slots[:5] == [0] * 5


def test_everyone_of_a_crowd_is_asked_once_an_interval() -> None:
    roll = Roll()
    crowd = [roll.add(f"host{number}") for number in range(100)]
    roll.run(INTERVAL, answering=True)
    roll.asked.clear()
    roll.run(INTERVAL * 10, answering=True)
    counts = dict.fromkeys(crowd, 0)
    for _, client in roll.asked:
        counts[client] += 1
    assert set(counts.values()) <= {9, 10, 11}
    assert roll.missed == []


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
    roll.tick()
    roll.registry.remove(old)
    new = roll.add()
    roll.run(60.0, answering=True)
    assert (roll.missed, new.strikes) == ([], 0)


def test_healthy_means_connected_answering_vouching_and_held() -> None:
    """Each of the four alone spoils it, and is the reason that a reader is given."""
    roll = Roll()
    client = roll.add()
    assert client.judge() == (Standing.SYNCING, "it has just registered")
    client.reason = ""
    assert client.judge() == (Standing.SYNCING, "its first snapshot is on the way")
    client.holding = Holding()
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
    client.holding, client.reason = Holding(), "catching up"
    assert client.judge() == (Standing.SYNCING, "catching up")


def test_a_name_for_people_shows_any_path() -> None:
    registry = Roll().registry
    client = registry.add(Session("p"), ("h", b"/in\xff"), epoch=1, version="", now=0.0)
    assert client.name == r"h:/in\xff"
