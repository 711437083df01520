"""The shares of time hold for the process, however many directories it watches."""

import pytest

from scout.agent.core.cost import (
    SAVED,
    SHARE_DOUBTED,
    SHARE_POLLED,
    SHARE_WATCHED,
    Cost,
    Repeats,
    Shares,
)


@pytest.mark.parametrize(("watched", "share"), [(True, SHARE_WATCHED), (False, SHARE_POLLED)])
@pytest.mark.parametrize("seconds", [[0.01] * 50, [0.65] + [0.0002] * 49, [3.0, 0.5, 0.0]])
def test_all_polls_together_keep_to_one_share(
    seconds: list[float], watched: bool, share: float
) -> None:
    shares = Shares()
    costs = [Cost(shares) for _ in seconds]
    for _ in range(2):  # each learns of the others at its next poll
        for cost, took in zip(costs, seconds, strict=True):
            cost.spend(took)
            cost.pause(watched=watched)
    load = sum(
        took / cost.pause(watched=watched)
        for cost, took in zip(costs, seconds, strict=True)
        if took
    )
    assert load == pytest.approx(share)


def test_small_directories_are_read_hardly_later_because_of_a_huge_one() -> None:
    shares = Shares()
    huge, *small = [Cost(shares) for _ in range(50)]
    huge.spend(0.65)
    huge.pause(watched=True)
    for cost in small:
        cost.spend(0.0002)
        cost.pause(watched=True)
    assert max(cost.pause(watched=True) for cost in small) < 3.0
    assert huge.pause(watched=True) < 2 * 0.65 / SHARE_WATCHED


def test_one_directory_alone_has_the_whole_share() -> None:
    alone = Cost(Shares())
    alone.spend(2.0)
    assert alone.pause(watched=True) == 2.0 / SHARE_WATCHED
    assert alone.pause(watched=False) == 2.0 / SHARE_POLLED


def test_what_is_gone_takes_no_share() -> None:
    shares = Shares()
    one, other = Cost(shares), Cost(shares)
    for cost in (one, other):
        cost.spend(1.0)
        cost.pause(watched=True)
    assert one.pause(watched=True) == pytest.approx(2.0 / SHARE_WATCHED)
    other.forget()
    assert one.pause(watched=True) == pytest.approx(1.0 / SHARE_WATCHED)


def test_who_is_polled_takes_no_share_of_the_watched() -> None:
    shares = Shares()
    one, other = Cost(shares), Cost(shares)
    for cost in (one, other):
        cost.spend(1.0)
        cost.pause(watched=True)
    other.pause(watched=False)
    assert one.pause(watched=True) == pytest.approx(1.0 / SHARE_WATCHED)


def test_storms_in_many_directories_together_keep_to_one_share() -> None:
    shares = Shares()
    repeats = [Repeats(shares) for _ in range(10)]
    now = spent = 0.0
    while now < 1000.0:
        it = min(repeats, key=lambda it: it.ready)
        now = max(now, it.ready) + 0.5
        it.spend(0.5, None, now)
        spent += 0.5
    assert spent <= SHARE_DOUBTED * (1000.0 + SAVED) + 10 * 0.5


def test_a_scan_that_hung_without_keeping_others_takes_time_from_itself_alone() -> None:
    shares = Shares()
    hung, other = Repeats(shares), Repeats(shares)
    hung.spend(3600.0, 1.0, 4000.0)
    assert other.ready <= 4000.0
    assert hung.ready == pytest.approx(4000.0 + 3600.0 / SHARE_DOUBTED - SAVED)
