"""What the texts of options mean, and what is refused."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scout.process import values
from scout.process.values import Address


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("5s", 5.0),
        ("1.5s", 1.5),
        ("2m", 120.0),
        ("1h", 3600.0),
        ("0s", 0.0),
        ("0ms", 0.0),
        ("999999999s", 999_999_999.0),
    ],
)
def test_a_duration_is_a_number_with_its_unit(text: str, seconds: float) -> None:
    assert values.duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "", "5", "s", "-1s", "+1s", "5 s", " 5s", "5s ", "5s\n", "5S", "1d", "5sec", ".5s", "5.s",
        "1e3s", "1_000s", "inf", "nans", "1m30s", "0x10s", "\u0665s", "9999999999s",
    ],
)  # fmt: skip
def test_a_duration_without_a_clear_meaning_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a duration such as 500ms, 5s or 2m"):
        values.duration(text)


@pytest.mark.parametrize("text", ["10ms", "24h", "1440m"])
def test_a_time_to_wait_may_be_from_10_ms_to_a_day(text: str) -> None:
    assert 0.01 <= values.positive_duration(text) <= 86_400


@pytest.mark.parametrize("text", ["0s", "9ms", "25h", "86401s"])
def test_a_time_to_wait_outside_of_that_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="10ms to 24h"):
        values.positive_duration(text)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("3000", Address("", 3000)),
        (":3000", Address("", 3000)),
        ("0", Address("", 0)),
        ("65535", Address("", 65_535)),
        ("127.0.0.1:0", Address("127.0.0.1", 0)),
        ("[::1]:3000", Address("::1", 3000)),
        ("[::]:3000", Address("::", 3000)),
        ("master-1.example:3000", Address("master-1.example", 3000)),
    ],
)
def test_a_port_or_an_address_with_a_port_can_be_listened_on(text: str, address: Address) -> None:
    assert values.listener(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "", ":", "65536", "99999999", "-1", "http", "localhost", "localhost:", "a b:3000",
        "::1:3000", "::1", "[::1]", "[::1:3000", "http://localhost:3000", "localhost:http",
        "localhost:3000/", "localhost:3000\n", "3000 ", "\u0663\u0660", "[]:3000", "[g::]:1",
        "[1.2.3.4]:1", "[::1%]:1", "[%1]:1", "[::1%a%b]:1", "[::1%a/b]:1", "[::1%a b]:1",
        "[::1%sixteen-letters_]:1", "1.2.3.4%1:1", "127.1:1", "256.1.1.1:1", "3000:3000",
        "host.1:1", "a?b:1", "a%41:1", "a#b:1", "a@b:1", "-a:1", ".:1", ".a:1", "a..b:1", "a b:1",
        "\udcff:1", "m\u00fcller:1", "a\0b:1", "'a':1", '"a:1"', "a\r:1", f"{'a' * 64}:1",
        f"{'a.' * 127}aa:1",
    ],
)  # fmt: skip
def test_nonsense_cannot_be_listened_on(text: str) -> None:
    with pytest.raises(ValueError, match="PORT or ADDRESS:PORT"):
        values.listener(text)


@pytest.mark.parametrize(
    "host",
    [
        "dns", "unix", "ipv4", "ipv6", "xds", "vsock", "http", "a_b", "_a", "a-", "A.b-c.example",
        "example.org.", "a" * 63, "a." * 126 + "a", "1a", "3com.example", "xn--mller-kva.example",
        "10.0.0.1", "::1", "fe80::1%eth0", "fe80::1%eth0-1.2", "fe80::1%2", "::ffff:10.0.0.1",
        "fe80::1%br~_x",
    ],
)  # fmt: skip
def test_a_name_of_dns_or_an_address_can_be_connected_to(host: str) -> None:
    address = Address(host, 3000)
    assert values.target(str(address)) == address


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("3000", "3000"), ("3000", "127.0.0.1:3000"), ("[::]:3000", "a:3000"), ("a:1", "A.:1"),
        ("0.0.0.0:1", "127.0.0.1:1"), ("0.0.0.0:1", "a:1"), ("[::1]:1", "[0:0::1]:1"),
        ("[fe80::1%a]:1", "[fe80::1%a]:1"),
    ],
)  # fmt: skip
def test_two_that_cannot_both_be_had_collide(one: str, other: str) -> None:
    assert values.listener(one).collides(values.listener(other))
    assert values.listener(other).collides(values.listener(one))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("0", "0"), ("1", "2"), ("127.0.0.1:1", "127.0.0.2:1"), ("0.0.0.0:1", "[::1]:1"),
        ("[fe80::1%a]:1", "[fe80::1%b]:1"), ("a:1", "b:1"),
    ],
)  # fmt: skip
def test_two_that_can_both_be_had_do_not_collide(one: str, other: str) -> None:
    assert not values.listener(one).collides(values.listener(other))
    assert not values.listener(other).collides(values.listener(one))


def test_a_target_needs_a_host_and_a_port() -> None:
    assert values.target("localhost:3000") == Address("localhost", 3000)
    assert values.target("[::1]:1") == Address("::1", 1)


@pytest.mark.parametrize("text", ["", "3000", "localhost", "localhost:0", ":3000", "h:65536"])
def test_a_target_without_a_host_or_a_port_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        values.target(text)


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (Address("", 3000), "[::]:3000"),
        (Address("::1", 3000), "[::1]:3000"),
        (Address("127.0.0.1", 3000), "127.0.0.1:3000"),
        (Address("master", 3000), "master:3000"),
    ],
)
def test_an_address_is_written_as_sockets_and_grpc_read_it(address: Address, text: str) -> None:
    assert str(address) == text


@given(st.sampled_from(["", "127.0.0.1", "::1", "fe80::1", "a.b-c"]), st.integers(0, 65_535))
def test_what_is_written_reads_back_as_the_same(host: str, port: int) -> None:
    written = str(Address(host, port))
    assert values.listener(written) == Address(host or "::", port)


@pytest.mark.parametrize("text", ["1", "true", "TRUE", "Yes", "on"])
def test_words_that_switch_on(text: str) -> None:
    assert values.switch(text) is True


@pytest.mark.parametrize("text", ["0", "false", "False", "NO", "off"])
def test_words_that_switch_off(text: str) -> None:
    assert values.switch(text) is False


@pytest.mark.parametrize("text", ["", "2", "y", "enabled", " on", "wahr"])
def test_a_switch_does_not_guess(text: str) -> None:
    with pytest.raises(ValueError, match="1, true, yes or on"):
        values.switch(text)


@pytest.mark.parametrize("text", ["1", "5", "10", "007"])
def test_a_count_is_a_whole_number_in_its_range(text: str) -> None:
    assert values.count(1, 10)(text) == int(text)


@pytest.mark.parametrize(
    "text", ["", "0", "11", "-1", "+1", "1.0", "1e1", "1_0", " 1", "\u0663", "\u00b2"]
)
def test_any_other_count_is_refused_with_the_range(text: str) -> None:
    with pytest.raises(ValueError, match="a whole number from 1 to 10"):
        values.count(1, 10)(text)


def test_a_count_with_thousands_of_digits_is_refused_like_any_other() -> None:
    """Python itself refuses to read more than 4,300 digits, with a text of its own."""
    with pytest.raises(ValueError, match="a whole number from 1 to 10"):
        values.count(1, 10)("9" * 5000)


def test_a_choice_names_what_can_be_chosen() -> None:
    assert values.one_of("text", "json")("json") == "json"
    with pytest.raises(ValueError, match="one of text, json"):
        values.one_of("text", "json")("xml")


@pytest.mark.parametrize("name", ["O'Neill", "web-1", "web 1", "größer", "x" * 255])
def test_a_name_is_any_text_for_people(name: str) -> None:
    assert values.text(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "a\nb", "a\tb", "\udcff", "x" * 256, " a", "a ", '"a"', "'a'", '"a', "a\r", "a\u00a0"],
)
def test_a_name_that_cannot_be_printed_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="printable"):
        values.text(name)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a\r", "carriage return"),
        (" a", "blank"),
        ("a ", "blank"),
        ("'a'", "quotes"),
        ('"a', "quotes"),
    ],
)
def test_what_a_file_of_variables_left_around_a_value_is_named(text: str, said: str) -> None:
    assert said in values.wrapping(text)


@pytest.mark.parametrize("text", ["", "a", "a b", "a'b", "/srv/in"])
def test_nothing_is_said_about_a_value_without_such(text: str) -> None:
    assert values.wrapping(text) == ""


@pytest.mark.parametrize(
    "path", ["/in ", "/'in'", "/in\r", "/", "/tmp", "/with space", "/new\nline", "/\udcff"]
)
def test_a_path_may_hold_whatever_linux_allows(path: str) -> None:
    assert values.path(path) == path


@pytest.mark.parametrize("path", ["", "tmp", "./tmp", "../tmp", "~/tmp", "$HOME", "/a\0b"])
def test_a_path_that_is_not_absolute_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match=re.escape("an absolute path")):
        values.path(path)
