"""Query strings: nothing is known yet, and nothing unknown is passed over."""

import pytest

from scoutmaster.core.query import BadQuery, Query, parse


@pytest.mark.parametrize("text", ["", "&", "&&"])
def test_no_parameter_asks_for_all(text: str) -> None:
    assert parse(text) == Query()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("host=a", "'host'"),
        ("limit", "'limit'"),
        ("&limit=1", "'limit'"),
        ("a+b%26=1", "'a b&'"),
        ("%0d%0a=1", r"'\r\n'"),
        ("%ff=1", "'\ufffd'"),
        ("=1", "''"),
    ],
)
def test_a_parameter_is_refused_and_named(text: str, name: str) -> None:
    with pytest.raises(BadQuery) as caught:
        parse(text)
    assert str(caught.value) == f"unknown parameter {name}: this resource takes none"


def test_a_long_name_is_cut_in_the_answer() -> None:
    with pytest.raises(BadQuery) as caught:
        parse("x" * 10_000)
    assert len(str(caught.value)) < 200
