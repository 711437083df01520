"""One sentence for many directories."""

import pytest

from scout.agent.core.summary import Situation, summarize


def well(name: str) -> Situation:
    return Situation(name.encode(), True, True, False, "")


GONE = Situation(b"/gone", False, True, False, "the directory does not exist")
CLAIMED = Situation(b"/claimed", True, False, True, "claimed by the agent at 10.0.0.7")
CUT_OFF = Situation(b"/off", True, False, False, "orphaned: no master at m:1 (no connection)")


@pytest.mark.parametrize(
    ("situations", "sentence"),
    [
        ([well("/a"), well("/b")], "Watching 2 directories; in touch with m:1"),
        (
            [well("/a"), GONE],
            "Watching 1 of 2 directories; worst: /gone: the directory does not exist",
        ),
        (
            [GONE, well("/a"), CLAIMED, CUT_OFF],
            "Watching 2 of 4 directories; worst: /claimed: claimed by the agent at 10.0.0.7",
        ),
        (
            [well("/a"), CUT_OFF],
            "Watching 2 of 2 directories; worst: /off: orphaned: no master at m:1 (no connection)",
        ),
    ],
)
def test_it_sums_up_and_names_the_worst(situations: list[Situation], sentence: str) -> None:
    assert summarize(situations, "m:1") == sentence


def test_it_stays_short_whatever_a_path_and_a_reason_are() -> None:
    long = Situation(b"/" + b"\xff" * 4000, False, True, False, "why " * 1000)
    assert len(summarize([long, well("/a")], "m:1")) < 1000
