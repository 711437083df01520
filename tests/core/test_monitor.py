"""The directory's life, where a table says more than a random history."""

import random
from dataclasses import replace

from scout.agent.core.actions import Action, Drain, Look, MonitorConfig, Scan, Scanned, Watch
from scout.agent.core.filesystems import Naming
from scout.agent.core.identity import DirectoryIdentity
from scout.agent.core.monitor import BEHIND_LEAST, RETRY_WATCH, Life

HERE = DirectoryIdentity(b"/d", mount=30, device=1, inode=7, point=b"/", filesystem="ext4")
REMOTE = replace(HERE, filesystem="nfs4")
CONFIG = MonitorConfig(b"/d", 5.0, 30.0, False, False, False)


class Story:
    """A life with a clock, whose wishes are fulfilled at once."""

    def __init__(self, place: DirectoryIdentity = HERE, config: MonitorConfig = CONFIG) -> None:
        self.now = 100.0
        self.place = place
        self.cost = 0.001
        self.life = Life(config, random.Random(1))

    def goes_on(self, *, until: type[Action] | None = None) -> list[str]:
        """Do what is asked for, and say what it was; up to an action of that kind, if given."""
        done = []
        while (action := self.life.next(self.now)) is not None:
            done.append(action.reason if isinstance(action, Scan) else type(action).__name__)
            if until is not None and isinstance(action, until):
                break
            match action:
                case Look():
                    self.life.looked(self.now, self.place, proven=True, seconds=self.cost)
                case Watch():
                    self.life.watching()
                case Drain():
                    self.life.drained()
                case Scan():
                    self.life.scanned(self.now, Scanned(self.cost))
        return done

    def said(self) -> str:
        verdict = self.life.verdict(self.now)
        if not verdict.available:
            return "unavailable"
        return "behind" if verdict.behind else "available"


def test_the_watch_comes_before_the_scan_and_the_scan_before_any_claim() -> None:
    story = Story()
    assert story.goes_on(until=Scan) == ["Look", "Watch", "start"]
    assert story.said() == "unavailable"
    story.life.scanned(story.now, Scanned(0.001))
    assert story.said() == "available"
    assert story.goes_on() == []


def test_lost_events_are_behind_for_a_second_at_least() -> None:
    story = Story()
    story.goes_on()
    story.life.overflowed(story.now)
    assert story.said() == "behind"
    assert story.goes_on() == ["Look", "overflow"]
    assert story.said() == "behind"
    assert story.life.deadline() <= story.now + BEHIND_LEAST
    story.now += BEHIND_LEAST
    assert story.said() == "available"


def test_a_scan_in_which_events_were_lost_makes_up_for_nothing() -> None:
    story = Story()
    story.goes_on()
    story.life.overflowed(story.now)
    story.goes_on(until=Scan)
    story.life.overflowed(story.now)
    story.life.scanned(story.now, Scanned(0.001))
    story.now += BEHIND_LEAST
    assert story.said() == "behind"
    assert story.goes_on() == ["Look", "overflow"]
    assert story.said() == "available"


def test_after_a_standstill_the_queue_is_settled_behind_a_look() -> None:
    story = Story()
    story.goes_on()
    story.life.held(story.now, 9.0)
    assert story.said() == "unavailable"
    assert story.goes_on() == ["Look", "Drain"]
    assert story.said() == "available"


def test_a_standstill_in_which_events_were_lost_is_over_with_a_scan() -> None:
    story = Story()
    story.goes_on()
    story.life.held(story.now, 9.0)
    story.goes_on(until=Drain)
    story.life.overflowed(story.now)
    story.life.drained()
    assert story.said() == "unavailable"
    assert story.goes_on() == ["Look", "gap"]
    assert story.said() == "behind"


def test_without_events_a_standstill_is_over_with_a_scan_that_began_after_it() -> None:
    story = Story(REMOTE)
    story.goes_on(until=Scan)
    story.life.held(story.now, 9.0)
    story.life.scanned(story.now, Scanned(0.001))
    assert story.said() == "unavailable"
    assert story.goes_on() == ["Look", "gap"]
    assert story.said() == "available"


def test_a_look_that_began_before_an_alarm_does_not_count() -> None:
    story = Story()
    story.goes_on()
    story.now += 10.0
    story.goes_on(until=Look)
    story.life.overflowed(story.now)
    story.life.looked(story.now, story.place, proven=True, seconds=0.001)
    assert story.goes_on() == ["Look", "overflow"]


def test_a_watch_that_can_not_be_had_is_tried_again() -> None:
    story = Story()
    story.goes_on(until=Watch)
    story.life.unwatchable(story.now, "inotify is not to be had")
    assert story.goes_on() == ["start"]
    assert story.life.mode == "poll"
    story.now += RETRY_WATCH
    assert story.goes_on() == ["Look", "Watch", "watch"]
    assert story.life.mode == "events"


def test_a_slow_directory_is_looked_at_and_read_for_its_share_of_the_time() -> None:
    story = Story(REMOTE)
    story.cost = 1.0
    story.goes_on()
    story.now += 19.0
    assert story.goes_on() == []
    story.now += 4.0
    assert story.goes_on() == ["Look", "poll"]


def test_what_made_no_progress_where_it_is_polled_is_read_again_before_it_is_vouched_for() -> None:
    story = Story(REMOTE)
    story.goes_on()
    story.now += 10.0
    story.goes_on(until=Look)
    story.life.stuck()
    assert story.said() == "unavailable"
    story.life.looked(story.now, story.place, proven=True, seconds=0.001)
    assert story.said() == "unavailable"
    assert story.goes_on() == ["return"]
    assert story.said() == "available"


def test_changes_that_ask_for_listings_share_one() -> None:
    story = Story(replace(HERE, filesystem="fuseblk", naming=Naming.LOOSE))
    story.goes_on()
    story.now += 1.0
    for _ in range(100):
        story.life.asked()
        assert story.said() == "behind"
    assert story.goes_on() == ["Look", "change"]
    assert story.said() == "available"
    story.life.asked()
    assert story.goes_on() == []
    assert story.said() == "behind"
    story.now = story.life.deadline()
    assert story.goes_on() == ["Look", "change"]


def test_a_disk_that_is_away_at_the_start_is_required_once_it_was_there() -> None:
    """With a mount above that satisfies `--require-mount` as well."""
    disk = replace(HERE, path=b"/srv/disk", point=b"/srv/disk")
    story = Story(replace(disk, point=b"/"), replace(CONFIG, path=disk.path, require_mount=True))
    story.life.first(story.place)
    story.goes_on()
    assert story.said() == "unavailable"
    story.place, story.now = disk, story.life.deadline()
    story.goes_on()
    assert story.said() == "available"
    story.place, story.now = replace(disk, mount=29, point=b"/srv"), story.life.deadline()
    story.goes_on()
    assert story.said() == "unavailable"
    assert story.life.verdict(story.now).reason == "nothing is mounted at /srv/disk"


def test_a_standstill_amid_the_settling_of_another_is_settled_anew() -> None:
    story = Story()
    story.goes_on()
    story.life.held(story.now, 9.0)
    story.goes_on(until=Drain)
    story.life.held(story.now, 9.0)
    story.life.drained()
    assert story.said() == "unavailable"
    assert story.goes_on() == ["Look", "Drain"]
    assert story.said() == "available"


def test_a_standstill_in_a_storm_is_over_with_the_first_scan_after_it() -> None:
    """What the storm loses makes the list behind; it takes nothing off it."""
    story = Story()
    story.goes_on()
    story.life.overflowed(story.now)
    story.life.held(story.now, 9.0)
    story.life.overflowed(story.now)
    assert story.goes_on(until=Scan) == ["Look", "gap"]
    story.life.overflowed(story.now)
    assert story.said() == "unavailable"
    story.life.scanned(story.now, Scanned(0.5))
    assert story.said() == "behind"


def test_scans_for_a_standstill_that_are_void_keep_to_their_share_of_the_time() -> None:
    story = Story()
    story.goes_on()
    story.life.held(story.now, 9.0)
    story.life.overflowed(story.now)
    begun, end = 0, story.now + 40.0
    while story.now < end:
        if "gap" in story.goes_on(until=Scan):
            begun += 1
            story.now += 0.5
            story.life.overflowed(story.now)
            story.life.scanned(story.now, Scanned(0.5, whole=False))
        else:
            story.now = max(story.now + 0.01, story.life.deadline())
        assert story.said() == "unavailable"
    assert 10 < begun <= 30  # a quarter of the time, and what was saved up before


def test_a_new_stream_on_which_events_wait_makes_nothing_unavailable() -> None:
    """What would be said waits until they are settled, without a look or a scan."""
    story = Story()
    story.goes_on()
    story.life.rejoined()
    verdict = story.life.verdict(story.now)
    assert (verdict.available, verdict.behind, verdict.settling) == (True, False, True)
    assert story.goes_on() == ["Drain"]
    assert not story.life.verdict(story.now).settling


def test_what_waits_on_a_stream_that_came_amid_the_settling_is_settled_as_well() -> None:
    story = Story()
    story.goes_on()
    story.life.rejoined()
    assert story.goes_on(until=Drain) == ["Drain"]
    story.life.rejoined()
    story.life.drained()
    assert story.life.verdict(story.now).settling
    assert story.goes_on() == ["Drain"]
    assert not story.life.verdict(story.now).settling


def test_a_new_stream_after_a_standstill_ends_it_no_sooner() -> None:
    story = Story()
    story.goes_on()
    story.life.rejoined()
    story.goes_on(until=Drain)
    story.life.held(story.now, 9.0)
    story.life.rejoined()
    story.life.drained()
    assert story.said() == "unavailable"
    assert story.goes_on() == ["Look", "Drain"]
    assert story.said() == "available"
