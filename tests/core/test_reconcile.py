"""What is believed of a listing, by what happened around it."""

from scout.agent.core.reconcile import MISSES, Listing, Reconciler

STILL = (5, 5)


def begun(*, watched: bool = True) -> Reconciler:
    it = Reconciler()
    it.begin(watched=watched)
    return it


def test_a_quiet_listing_decides_alone() -> None:
    """A lookup may find another spelling of the name, or what the file system remembers."""
    assert begun().judge(Listing([], [b"gone"], [b"standing"])) == ([b"gone", b"standing"], [])


def test_a_listing_that_misses_a_file_while_others_are_renamed_removes_nothing() -> None:
    it = begun()
    it.mention([b"other"])
    it.stir()
    assert it.judge(Listing([], [b"gone"], [b"standing"])) == ([b"gone"], [b"standing"])


def test_a_change_of_a_name_that_does_not_count_is_a_change_as_well() -> None:
    it = begun()
    it.stir()
    assert it.judge(Listing([], [], [b"a"])) == ([], [b"a"])


def test_what_an_event_mentions_is_that_event_s_business() -> None:
    it = begun()
    it.stir()
    it.mention([b"a"])
    assert not it.open(b"a")
    assert it.judge(Listing([], [], [b"a"])) == ([], [])


def test_another_spelling_of_a_listed_name_is_gone_at_once() -> None:
    it = begun()
    it.stir()
    assert it.judge(Listing([b"A"], [], [b"a"], frozenset([b"a"]))) == ([b"a"], [])


def test_without_events_two_equal_listings_of_a_directory_that_stood_still_are_quiet() -> None:
    it = begun(watched=False)
    first = Listing([b"A"], [], [b"a"], modified=STILL)
    assert it.judge(first) == ([], [b"a"])
    it.begin(watched=False)
    assert it.judge(Listing([], [], [b"a"], modified=STILL)) == ([b"a"], [])


def test_without_events_a_directory_that_was_modified_meanwhile_is_not_quiet() -> None:
    for modified in ((5, 6), (6, 6)):
        it = begun(watched=False)
        it.judge(Listing([], [], [b"a"], modified=STILL))
        it.begin(watched=False)
        assert it.judge(Listing([], [], [b"a"], modified=modified)) == ([], [b"a"])


def test_a_listing_that_differs_from_the_one_before_is_not_quiet() -> None:
    for other in (
        Listing([b"b"], [], [b"a"]),
        Listing([], [b"b"], [b"a"]),
        Listing([], [], [b"c"]),
    ):
        it = begun(watched=False)
        it.judge(Listing([], [], [b"a"], modified=STILL))
        it.begin(watched=False)
        other.modified = STILL
        assert it.judge(other)[1] == other.standing


def test_a_directory_that_is_never_quiet_is_believed_in_the_end() -> None:
    it = Reconciler()
    for serial in range(MISSES - 1):
        it.begin(watched=False)
        assert it.judge(Listing([], [], [b"a"], modified=(serial, serial + 1))) == ([], [b"a"])
    it.begin(watched=False)
    assert it.judge(Listing([], [], [b"a"], modified=(8, 9))) == ([b"a"], [])


def test_a_void_listing_speaks_of_nothing() -> None:
    it = begun()
    it.void()
    assert not it.valid
    assert not it.open(b"a")
