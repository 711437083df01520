"""Messages stay within what both sides take, whatever names there are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scout.agent.core.inventory import Inventory
from scout.core.checkpoint import BATCH, BYTES, PART
from scout.core.messages import Changes, Part
from scout.core.names import MAX_LENGTH, bytes_of, digest
from scout.wire import codec
from scoutmaster.core.refusal import Status
from scoutmaster.rpc import MESSAGE_LIMIT
from tests.core.conversation import Desk, only, part

LENGTHS = st.lists(st.sampled_from([1, 3, 255, 765, 1024, MAX_LENGTH]), max_size=60)


def named(lengths: list[int], times: int = 1) -> list[bytes]:
    """Names of these lengths (5 at least), no two alike."""
    whole = lengths * times
    return [b"%05d" % number + b"x" * (length - 5) for number, length in enumerate(whole)]


def sent(inventory: Inventory) -> list[Changes]:
    """Everything that is to be sent until the master has it all."""
    found: list[Changes] = []
    while inventory.rootless or inventory.waiting:
        if inventory.rootless:
            snapshot = inventory.snapshot()
            while not (found and found[-1].part.ends):
                found += [it for it in [snapshot.step()] if it is not None]
        else:
            found.append(inventory.delta())
        inventory.acknowledge(found[-1].sequence)
    return found


def check(message: Changes) -> None:
    most = BATCH if message.part is Part.DELTA else PART
    names = [*message.added, *message.removed]
    assert len(names) <= most
    assert bytes_of(names) <= BYTES
    assert len(codec.encode_agent(message)) <= MESSAGE_LIMIT


@given(lengths=LENGTHS, times=st.sampled_from([1, 7, 30]))
def test_what_an_agent_sends_is_what_a_master_takes(lengths: list[int], times: int) -> None:
    """A first snapshot, and then the removal of all, step by step: names of any length."""
    inventory = Inventory()
    names = named(lengths, times)
    for name in names:
        inventory.settle(name, True)
    messages = sent(inventory)
    for name in names:
        inventory.settle(name, False)
    messages += sent(inventory)
    stream = Desk().open()
    for message in messages:
        check(message)
        stream.tell(message)
    assert stream.session.ended is None
    [client] = stream.desk.master.registry.clients.values()
    assert client.state.count == len(inventory.names) == 0


@pytest.mark.parametrize("kind", [Part.DELTA, Part.FIRST])
def test_a_master_refuses_more_weight_names_than_it_announces(kind: Part) -> None:
    """Whoever sends them: to take them in would hold its loop."""
    names = tuple(named([MAX_LENGTH] * (BYTES // MAX_LENGTH + 1)))
    stream = Desk().open()
    stream.tell(only(1))
    message = part(kind, 2, *names, whole=names)
    refusal = stream.refused(message)
    assert refusal.status is Status.INVALID_ARGUMENT
    assert str(BYTES) in refusal.message


def test_the_fullest_message_is_taken() -> None:
    names = tuple(named([255] * PART))
    assert len(codec.encode_agent(only(1, *names))) < MESSAGE_LIMIT
    stream = Desk().open()
    stream.serve(*names)
    assert stream.desk.master.registry.clients["host", b"/d"].state.digest == digest(names)
