"""Long values made short for people and for series: bounded, and still one for each value."""

from hashlib import blake2b

MARK = 9
"""Bytes that a cut takes for itself: a tilde and 8 hexadecimal digits."""


def cut(text: str, limit: int) -> str:
    """`text` if its UTF-8 takes at most `limit` bytes; else its beginning and who it is.

    The end is then `~` and 8 hexadecimal digits of the whole text's BLAKE2b: two values with one
    long beginning stay two, and one value is always the same. The result takes at most `limit`
    bytes, which must be at least `MARK`, and no character is parted. Any text will do, also with
    the lone surrogates by which Python holds what is not UTF-8 (they count as 3 bytes).
    """
    if limit < MARK:
        raise ValueError(f"a cut takes {MARK} bytes, not {limit}")
    if 4 * len(text) <= limit:  # the usual case, without a look at each character
        return text
    whole = text.encode("utf-8", "surrogatepass")
    if len(whole) <= limit:
        return text
    end = limit - MARK
    while whole[end] & 0xC0 == 0x80:  # in the midst of a character
        end -= 1
    head = whole[:end].decode("utf-8", "surrogatepass")
    return f"{head}~{blake2b(whole, digest_size=4).hexdigest()}"


def of_path(path: bytes) -> str:
    """A path as text: its UTF-8, and what is none by its numbers. A backslash is doubled, so that
    no two paths look the same."""
    return path.replace(b"\\", rb"\\").decode("utf-8", "backslashreplace")
