"""Request headers as RFC 9110 has them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoutmaster.web import accepts_gzip, matches


@pytest.mark.parametrize(
    "header",
    [
        "gzip",
        "GZIP",
        "gzip, deflate, br, zstd",
        "deflate,gzip;q=1.0",
        "br;q=1.0, gzip;q=0.8, *;q=0.1",
        "gzip;q=0.001",
        "gzip ; q=0.5",
        "*",
        "identity;q=0.1, *;q=0.5",
        "compress, gzip",
    ],
)
def test_gzip_is_accepted(header: str) -> None:
    assert accepts_gzip(header)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "identity",
        "br",
        "gzip;q=0",
        "gzip;q=0.000",
        "gzip; Q=0",
        "*;q=0",
        "gzip;q=0, *",
        "identity;q=0.5, *;q=0.1",
        "gzip;q=nonsense",
        "gzip;q=nan",
        "gzipped",
        "xgzip",
        ",,;;",
    ],
)
def test_gzip_is_not_accepted(header: str) -> None:
    """Where it is refused, and where nothing is said: a plain body is always right."""
    assert not accepts_gzip(header)


@pytest.mark.parametrize(
    "header",
    ['"1-2"', 'W/"1-2"', "*", '"0", "1-2"', '"0","1-2"', ' "1-2" ', '"0", W/"1-2", "3"'],
)
def test_a_tag_that_is_named_matches(header: str) -> None:
    assert matches(header, '"1-2"')


@pytest.mark.parametrize("header", ["", '"1-22"', '"1-2-gzip"', "1-2", 'w/"1-2"', '"', '"1-2'])
def test_another_tag_does_not_match(header: str) -> None:
    """The comparison is weak, but a weak tag is marked with a capital W, and tags are quoted."""
    assert not matches(header, '"1-2"')


@given(st.text())
def test_no_header_is_an_error(header: str) -> None:
    """Whatever a client sends: it is answered."""
    accepts_gzip(header)
    matches(header, '"1-2"')
