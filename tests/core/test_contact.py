"""What an operator reads about the contact to the master."""

from scout.agent.core.contact import LINES, PERIOD, Contact, Line

AGAIN = "registered with the master again"


def lost(contact: Contact, now: float) -> Line | None:
    return contact.ended("UNAVAILABLE", "the stream broke", refused=False, now=now)


def refused(contact: Contact, now: float) -> Line | None:
    return contact.ended("RESOURCE_EXHAUSTED", "more than 5 files", refused=True, now=now)


def test_a_loss_and_its_end_are_told_once_each() -> None:
    contact = Contact()
    assert contact.registered(0.0) is None
    told = lost(contact, 1.0)
    assert told == Line(
        "lost the master", True, {"code": "UNAVAILABLE", "reason": "the stream broke"}
    )
    assert [lost(contact, 2.0 + it) for it in range(100)] == [None] * 100
    assert contact.registered(200.0) == Line(AGAIN, False)


def test_a_lasting_refusal_after_the_registration_is_one_line() -> None:
    contact = Contact()
    lines = []
    for attempt in range(1000):
        lines += [contact.registered(5.0 * attempt), refused(contact, 5.0 * attempt + 1)]
    assert [it.text for it in lines if it] == ["the master refused the registration"]
    assert contact.refusal == "more than 5 files"


def test_the_end_of_a_refusal_is_told_when_the_master_has_taken_what_we_have() -> None:
    contact = Contact()
    refused(contact, 0.0)
    assert contact.registered(5.0) is None
    assert contact.proven(6.0) == Line(AGAIN, False)
    assert contact.refusal == ""
    assert contact.proven(7.0) is None


def test_a_line_that_breaks_all_day_fills_no_log() -> None:
    contact = Contact()
    day, told = 86_400.0, 0
    now = 0.0
    while now < day:
        for line in (lost(contact, now), contact.registered(now + 0.9), contact.late(now + 1.0)):
            told += line is not None
        now += 1.8
    assert told <= (LINES + 1) * day / PERIOD


def test_how_things_are_is_told_in_the_end_with_what_was_left_out() -> None:
    contact = Contact()
    for number in range(10):
        lost(contact, float(number))
        contact.registered(number + 0.5)
    lost(contact, 20.0)
    assert contact.late(21.0) is None
    told = contact.late(PERIOD + 1.0)
    assert told is not None
    assert (told.text, told.fields["others_not_logged"]) == ("lost the master", 21 - LINES - 1)
    assert contact.late(PERIOD + 2.0) is None
