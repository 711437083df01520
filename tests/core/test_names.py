"""Names: what is one, what they sum up to, in which order they stand."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scout.core.names import MASK, ascends, digest, fault

NAMES = st.sets(st.binary(min_size=1, max_size=20).filter(lambda n: not set(n) & {0, 47}))


@given(NAMES, st.randoms(use_true_random=False))
def test_the_digest_does_not_depend_on_order(names: set[bytes], dice: random.Random) -> None:
    shuffled = list(names)
    dice.shuffle(shuffled)
    assert digest(sorted(names)) == digest(shuffled)


@given(NAMES, NAMES)
def test_the_digest_moves_by_what_is_added_and_removed(a: set[bytes], b: set[bytes]) -> None:
    assert digest(b) == (digest(a) + digest(b - a) - digest(a - b)) & MASK


def test_the_digest_is_part_of_the_wire_contract() -> None:
    """A change of this value breaks agents and masters of different versions."""
    assert digest([b"a"]) == 0x2F42665B399EF840
    assert digest([]) == 0


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], None),
        ([b"a", b"\xff", b"x" * 255, b"...", b"\n"], None),
        ([b"a", b""], "empty"),
        ([b"x" * 256, b"\xff" * 765, b"x" * 4095], None),
        ([b"x" * 4096], "4095"),
        ([b"a/b"], '"/"'),
        ([b"/"], '"/"'),
        ([b"a\0"], "NUL"),
        ([b"a", b"."], '".."'),
        ([b".."], '".."'),
    ],
)
def test_what_is_no_name_is_said(names: list[bytes], expected: str | None) -> None:
    found = fault(names)
    assert found is None if expected is None else expected in str(found)


def test_ascends_means_strictly() -> None:
    assert ascends([])
    assert ascends([b"a"])
    assert ascends([b"a", b"aa", b"b"])
    assert not ascends([b"a", b"a"])
    assert not ascends([b"b", b"a"])
