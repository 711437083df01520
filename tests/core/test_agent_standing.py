"""What the agent claims of its directory, and in which order with what it sends."""

from collections.abc import Sequence

from scout.agent.core.inventory import Inventory
from scout.core.messages import Ack, AgentMessage, Health, Registered
from tests.core.talk import GRANTED, Talk, changes


def healths(said: Sequence[AgentMessage]) -> list[Health]:
    return [message for message in said if isinstance(message, Health)]


def granted(most: int) -> Registered:
    return Registered(None, 2.0, 1.0, 13.0, serving=True, max_name_bytes=most)


def test_a_directory_that_is_behind_is_told_at_once_and_stays_served() -> None:
    talk = Talk(b"a").begin()
    talk.session.vouch(behind=True, reason="events were lost")
    [told] = healths([*talk.say()])
    assert (told.serving, told.behind, told.reason) == (True, True, "events were lost")


def test_it_has_caught_up_when_what_was_found_is_sent_and_not_before() -> None:
    """Else a list would be called complete without it."""
    talk = Talk(b"a").begin()
    talk.session.vouch(behind=True, reason="events were lost")
    talk.say()
    for number in range(3000):  # more than a delta takes
        talk.inventory.settle(b"%d" % number, True)
    talk.session.vouch()
    said = [*talk.say()]
    while sent := changes(said)[-1:]:
        assert not [it for it in healths(said[: said.index(sent[0])]) if not it.behind]
        talk.now += 1
        said = talk.hear(Ack(sent[0].sequence))
        if not talk.inventory.waiting:
            break
    last = healths([*said, *talk.say()])[-1]
    assert (last.behind, last.reason) == (False, "")
    assert talk.inventory.waiting == 0


def test_a_snapshot_that_is_taken_while_all_is_in_doubt_is_not_vouched_for() -> None:
    talk = Talk(b"a")
    talk.session.vouch(behind=True, reason="events were lost")
    talk.session.opened(talk.now)
    talk.say()
    told = healths([*talk.hear(GRANTED)])
    assert [(it.serving, it.behind) for it in told] == [(False, False), (True, True)]


def test_a_name_that_the_master_does_not_take_is_withheld_and_counted() -> None:
    talk = Talk(b"a", b"x" * 256)
    talk.session.opened(talk.now)
    talk.say()
    talk.hear(granted(255))
    assert talk.inventory.names == {b"a"}
    talk.inventory.settle(b"y" * 300, True)
    [told] = healths([*talk.say()])
    assert (told.serving, told.omitted) == (True, 2)
    assert told.reason == "entries are withheld: 2 with a name of more than 255 bytes"
    talk.inventory.settle(b"y" * 300, False)
    talk.inventory.settle(b"x" * 256, False)
    [told] = healths([*talk.say()])
    assert (told.omitted, told.reason) == (0, "")


def test_another_master_may_take_longer_or_only_shorter_names() -> None:
    inventory = Inventory()
    inventory.limit(255)
    for length in (10, 255, 300, 900):
        inventory.settle(b"n" * length, True)

    def lengths() -> list[int]:
        return sorted(map(len, inventory.names))

    assert (lengths(), inventory.omitted) == ([10, 255], 2)
    inventory.limit(765)
    assert (lengths(), inventory.omitted) == ([10, 255, 300], 1)
    inventory.limit(100)
    assert (lengths(), inventory.omitted) == ([10], 3)
    talk = Talk(b"n" * 300)
    talk.session.opened(talk.now)
    talk.say()
    assert changes(talk.hear(granted(4095)))[-1].added == [b"n" * 300]
