"""Who serves which real path."""

from scout.agent.core.places import Places


def test_one_place_is_served_once() -> None:
    places = Places()
    assert places.admit(b"/a", b"/x") == ""
    assert places.admit(b"/b", b"/y") == ""
    assert "/a" in places.admit(b"/b", b"/x")


def test_a_place_that_is_left_is_free() -> None:
    places = Places()
    places.admit(b"/a", b"/x")
    assert places.admit(b"/b", b"/x")
    places.leave(b"/a")
    assert places.admit(b"/b", b"/x") == ""
    assert "/b" in places.admit(b"/a", b"/x")


def test_who_leads_elsewhere_leaves_its_place_also_if_it_may_not_have_the_other() -> None:
    places = Places()
    places.admit(b"/a", b"/x")
    places.admit(b"/b", b"/y")
    assert places.admit(b"/a", b"/y")
    assert places.admit(b"/c", b"/x") == ""


def test_two_that_change_places_both_get_one_in_the_end() -> None:
    places = Places()
    places.admit(b"/a", b"/x")
    places.admit(b"/b", b"/y")
    assert places.admit(b"/a", b"/y")
    assert places.admit(b"/b", b"/x") == ""
    assert places.admit(b"/a", b"/y") == ""
