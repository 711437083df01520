"""One directory is read at a time."""

from scout.agent.shared import Queue, Turn


async def test_who_came_first_is_served_first() -> None:
    queue = Queue()
    turns = [Turn(queue) for _ in range(3)]
    futures = [turn.take() for turn in turns]
    for number, turn in enumerate(turns):
        assert [future.done() for future in futures] == [it <= number for it in range(3)]
        turn.begin(10.0)
        assert turn.give(12.0) == 2.0


async def test_who_gave_up_the_turn_does_not_end_that_of_the_next() -> None:
    queue = Queue()
    hung, second, third = (Turn(queue) for _ in range(3))
    hung.take()
    hung.begin(0.0)
    taken, waiting = second.take(), third.take()
    assert hung.give(1.0) == 1.0
    assert taken.done()
    assert hung.give(3600.0) == 1.0  # it came back
    assert not waiting.done()
    second.give(2.0)
    assert waiting.done()


async def test_who_no_longer_waits_is_passed_over() -> None:
    queue = Queue()
    first, second, third = (Turn(queue) for _ in range(3))
    first.take()
    second.take()
    waiting = third.take()
    second.give(0.0)
    first.give(0.0)
    assert waiting.done()
    third.give(0.0)
    assert first.take().done()
