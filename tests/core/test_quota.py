"""How many lines about clients stand in the log, whoever causes them."""

from scoutmaster.core.quota import ALL, EACH, NEW, PERIOD, WINDOW, Quota

OLD = 2 * PERIOD


def test_a_client_that_is_well_is_always_logged() -> None:
    """However many there are in a day, and whatever another does."""
    quota = Quota()
    for minute in range(24 * 60):
        now = 60.0 * minute
        for _ in range(EACH + 5):
            quota.admit("mad", OLD, now)
        assert quota.admit("well", OLD, now) is not None


def test_one_client_has_a_few_lines_in_a_minute() -> None:
    quota = Quota()
    passed = [quota.admit("a", OLD, it / 10_000) for it in range(50_000)]
    assert passed[:EACH] == [0] * EACH
    assert passed[EACH:] == [None] * (50_000 - EACH)
    assert quota.admit("a", OLD, PERIOD) == 50_000 - EACH
    assert quota.admit("a", OLD, PERIOD) == 0


def test_names_that_are_made_up_share_what_is_new() -> None:
    """Those who were there before lose nothing by it, and memory is bounded."""
    quota = Quota()
    passed = [quota.admit(it, 0.0, 1.0) is not None for it in range(100_000)]
    assert sum(passed) == NEW
    assert len(quota._each) == NEW
    assert quota.admit("old", OLD, 1.0) == 100_000 - NEW
    assert quota.admit("new", 0.0, 1.0 + WINDOW) == 0


def test_all_together_have_a_bound() -> None:
    quota = Quota()
    assert sum(quota.admit(it, OLD, 1.0) is not None for it in range(100_000)) == ALL


def test_what_is_held_back_is_due_to_be_said_though_nobody_speaks_again() -> None:
    quota = Quota()
    assert quota.due() is None
    for _ in range(EACH + 3):
        quota.admit("a", OLD, 5.0)
    assert quota.due() == 5.0 + WINDOW
    assert quota.take() == 3
    assert quota.due() is None


def test_keys_of_the_past_are_forgotten() -> None:
    quota = Quota()
    for number in range(100):
        quota.admit(number, OLD, 1.0)
    quota.admit("later", OLD, 1.0 + PERIOD)
    assert list(quota._each) == ["later"]
