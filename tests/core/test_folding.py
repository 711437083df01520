"""Names that may be one to a file system."""

from scout.agent.core import folding


def test_spellings_of_a_name_have_one_key() -> None:
    for one, other in (
        (b"a.txt", b"A.TXT"),
        ("é".encode(), "e\u0301".encode()),
        (b"\xff", b"\xff"),
    ):
        assert folding.key(one) == folding.key(other)
    assert folding.key(b"a") != folding.key(b"b")


def test_a_name_is_probed_by_two_spellings_that_are_not_listed() -> None:
    assert folding.probes([b"12", b"a", b"ab"], {b"12", b"a", b"ab"}) == (
        b"ab",
        [b"Ab", b"aB"],
    )
    assert folding.probes([b"ab"], {b"ab", b"Ab"}) == (b"ab", [b"aB"])
    assert folding.probes([b"12", b"\xff\xfe"], set()) == (b"", [])


def test_a_name_without_letters_has_one_spelling() -> None:
    assert folding.one_spelling(b"2024-01-31_17.30")
    assert not folding.one_spelling(b"2024-01-31T17.30")
    assert not folding.one_spelling("é".encode())


def test_a_suspect_is_compared_with_listed_names_of_its_key_alone() -> None:
    found = folding.twins([b"report.txt", b"gone"], [b"Report.txt", b"other"])
    assert list(found) == [(b"report.txt", b"Report.txt")]
