"""Names that a file system may take for one: other case, other Unicode normal form.

What is computed here is only a guess at the file system's own tables, so it never proves anything
alone: two names are one where the file system says so, with the same device and inode.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Set
from itertools import islice

TRIED = 64
"""Listed names that are looked at for one that has other spellings."""


def key(name: bytes) -> str:
    """The same for all spellings of a name."""
    text = name.decode("utf-8", "surrogateescape")
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", text).casefold())


def spellings(name: bytes) -> list[bytes]:
    """Other spellings of `name` by case: two, or fewer if it has fewer than two letters."""
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError:
        return []
    places = [i for i, c in enumerate(text) if len(c.swapcase()) == 1 and c.swapcase() != c]
    swapped = [text[:i] + text[i].swapcase() + text[i + 1 :] for i in places[:2]]
    return [other.encode() for other in swapped]


def one_spelling(name: bytes) -> bool:
    """True if no file system has another spelling for `name`."""
    return name.isascii() and name.upper() == name.lower()


def probes(listed: Iterable[bytes], names: Set[bytes]) -> tuple[bytes, list[bytes]]:
    """One of `listed`, and spellings of it that are not in `names`: two if one of the first has so
    many.

    A file system that finds two, and says that they are one file, ignores case; one that does not
    find one of them, although the name itself is still there, does not.
    """
    base, found = b"", list[bytes]()
    for name in islice(listed, TRIED):
        others = [other for other in spellings(name) if other not in names]
        if len(others) > len(found):
            base, found = name, others
        if len(found) == 2:
            break
    return base, found


def twins(suspects: Iterable[bytes], listed: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Each of `suspects` with each of `listed` that may be another spelling of it."""
    by_key: dict[str, list[bytes]] = {}
    for name in suspects:
        by_key.setdefault(key(name), []).append(name)
    for name in listed:
        for suspect in by_key.get(key(name), ()):
            yield suspect, name
