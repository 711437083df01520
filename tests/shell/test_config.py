"""Configuration objects as the rest of the programs gets them."""

import os
import re
import socket

import pytest

from scout.agent import config as agent
from scout.agent.core.actions import MonitorConfig
from scout.process.options import Option
from scout.process.values import Address
from scoutmaster import config as master


def test_a_directory_keeps_its_bytes() -> None:
    """Linux names are bytes; Python hands those that are not UTF-8 through as surrogates."""
    raw = b"/srv/\xff\xfe in"
    wish, config = agent.read(["--directory", os.fsdecode(raw)], {})
    assert config is not None
    assert (wish, config.directories[0].path) == ("run", raw)


def test_two_variables_are_all_an_agent_needs() -> None:
    environ = {"MONITOR_DIR": "/tmp", "SCOUT_MASTER_ADDRESS": "localhost:3000"}
    _, config = agent.read([], environ)
    assert config == agent.Config(
        directories=(
            MonitorConfig(
                path=b"/tmp",
                poll_interval=5.0,
                scan_timeout=30.0,
                include_hidden=False,
                require_mount=False,
                poll_only=False,
            ),
        ),
        master=Address("localhost", 3000),
        host=socket.gethostname(),
        start_timeout=5.0,
        health=None,
        metrics=None,
        log_level="info",
        log_format="auto",
    )


def test_a_master_needs_nothing() -> None:
    _, config = master.read([], {})
    assert config == master.Config(
        grpc=Address("", 3000),
        http=Address("", 3001),
        health_interval=2.0,
        health_timeout=1.0,
        unhealthy_limit=5,
        settle=10.0,
        expect_clients=0,
        max_clients=20_000,
        max_files=5_000_000,
        http_threads=8,
        http_connections=1000,
        log_level="info",
        log_format="auto",
    )


def test_free_ports_do_not_collide() -> None:
    _, config = master.read(["--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0"], {})
    assert config is not None


@pytest.mark.parametrize(
    ("options", "prefix"), [(agent.OPTIONS, "SCOUT_"), (master.OPTIONS, "SCOUTMASTER_")]
)
def test_every_option_has_a_variable_named_after_it(
    options: tuple[Option, ...], prefix: str
) -> None:
    """But for the two that users set by hand."""
    plain = {"--directory": "MONITOR_DIR", "--master": "SCOUT_MASTER_ADDRESS"}
    for option in options:
        assert re.fullmatch("--[a-z-]+", option.flag)
        expected = prefix + option.name.upper()
        assert option.variable == plain.get(option.flag, expected)


@pytest.mark.parametrize("options", [agent.OPTIONS, master.OPTIONS])
def test_every_option_says_what_it_means(options: tuple[Option, ...]) -> None:
    for option in options:
        assert option.help.endswith(".")
        assert option.default is None or option.parse(option.default) is not None
