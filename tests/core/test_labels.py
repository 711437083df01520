"""Long values cut for logs, refusals and labels."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scout.core.labels import MARK, cut

TEXTS = st.text(alphabet=st.characters(), max_size=80)


def test_a_value_that_fits_stays_as_it_is() -> None:
    assert cut("", 9) == ""
    assert cut("/srv/in", 9) == "/srv/in"
    assert cut("x" * 64, 64) == "x" * 64
    assert cut("ü" * 32, 64) == "ü" * 32


def test_two_values_with_one_long_beginning_stay_two() -> None:
    one, other = cut("/srv/" + "x" * 5000 + "a", 64), cut("/srv/" + "x" * 5000 + "b", 64)
    assert one != other
    assert one[:-8] == other[:-8] == "/srv/" + "x" * 50 + "~"
    assert one == cut("/srv/" + "x" * 5000 + "a", 64)


def test_no_character_is_parted() -> None:
    assert cut("a" + "語" * 100, 20).startswith("a語語語~")
    assert len(cut("a" + "語" * 100, 20).encode()) == 19


def test_what_is_not_utf_8_is_cut_like_the_rest() -> None:
    assert cut("\udcff" * 100, 20)[:4] == "\udcff\udcff\udcff~"


def test_a_limit_that_leaves_no_room_for_the_digits_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="9 bytes"):
        cut("x" * 100, MARK - 1)


@given(TEXTS, st.integers(MARK, 100))
def test_a_cut_never_takes_more_than_its_limit(text: str, limit: int) -> None:
    result = cut(text, limit)
    assert len(result.encode("utf-8", "surrogatepass")) <= limit
    assert result == text or text.startswith(result[:-MARK])
