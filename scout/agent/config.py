"""The agent's configuration: one frozen object, built at the edge."""

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import cast

from scout.agent.core.actions import MonitorConfig
from scout.agent.directories import listed
from scout.errors import ConfigError
from scout.process import log
from scout.process.options import Manual, Option, Parsed, parse
from scout.process.values import (
    Address,
    listener,
    path,
    positive_duration,
    switch,
    target,
    text,
)

# A table reads best in rows.
# fmt: off
OPTIONS = (
    Option(
        "--directory", "MONITOR_DIR", "DIR", path, None,
        "The directory to watch, as an absolute path. Its files are reported: every entry that "
        "is not itself a directory, without those in directories below.",
        required=True, empty_is_wrong=True, repeatable=True, companion="--directories-from",
    ),
    Option(
        "--directories-from", "SCOUT_DIRECTORIES_FROM", "FILE", path, None,
        "Watch the directories that the file names as well: PATH [key=value ...] in each line, "
        "and what begins with # is a comment. The keys include-hidden, require-mount, poll-only, "
        "poll-interval and scan-timeout say for one directory what the options of these names say "
        "for all. A backslash and three octal digits are the byte of that number, as in fstab(5): "
        "a blank is \\040, a tab \\011, a backslash \\134.",
        companion="--directory",
    ),
    Option(
        "--master", "SCOUT_MASTER_ADDRESS", "HOST:PORT", target, "localhost:3000",
        "Where the scoutmaster listens for agents.",
        empty_is_wrong=True,
    ),
    Option(
        "--host", "SCOUT_HOST", "NAME", text, None,
        "The name under which this host's directories are claimed. Two agents with the same "
        "name can't watch the same directory. Default: the host's own name.",
    ),
    Option(
        "--poll-interval", "SCOUT_POLL_INTERVAL", "DURATION", positive_duration, "5s",
        "How often to look whether the directory is still there, and to read it whole in search "
        "of what no event has announced. Reading a large directory happens less often by itself, "
        "so that it stays under 0.8 % of the time (5 % where there are no events), by the clock on "
        "the wall. Lower finds sooner what events can't tell, and costs processor time.",
    ),
    Option(
        "--poll-only", "SCOUT_POLL_ONLY", "", switch, "off",
        "Do without events. Chosen by itself for file systems that are not known to announce all "
        "changes (NFS, CIFS, FUSE, 9p and more) and wherever inotify can't be had.",
    ),
    Option(
        "--include-hidden", "SCOUT_INCLUDE_HIDDEN", "", switch, "off",
        "Report names that start with a dot as well.",
    ),
    Option(
        "--require-mount", "SCOUT_REQUIRE_MOUNT", "", switch, "off",
        "Serve the directory only while it lies on a mount other than the root file system, "
        "mounted on it or above it; a folder that is bound above it, as in a container, is none. "
        "Without this option the mount that it lay on when the agent "
        "first saw it is required, so an unmounted disk is never an empty directory.",
    ),
    Option(
        "--scan-timeout", "SCOUT_SCAN_TIMEOUT", "DURATION", positive_duration, "30s",
        "A scan without any progress for so long makes the directory unavailable until it "
        "goes on. Lower notices a dead file system sooner; higher spares a slow one.",
    ),
    Option(
        "--start-timeout", "SCOUT_START_TIMEOUT", "DURATION", positive_duration, "5s",
        "How long the directory, and then the scoutmaster, may take to answer at the start. A "
        "connection that is refused is an answer: the agent ends, to be started again.",
    ),
    Option(
        "--health", "SCOUT_HEALTH", "ADDRESS", listener, None,
        "Serve the gRPC health protocol (grpc.health.v1) there, for probes: a port, or "
        "address:port. A bare port, like [::], is all addresses of IPv6 and IPv4; 0.0.0.0 is those "
        "of IPv4. Where a part is taken, the agent does not start.",
    ),
    Option(
        "--metrics", "SCOUT_METRICS", "ADDRESS", listener, None,
        "Serve Prometheus metrics at http://ADDRESS/metrics; an address as for --health.",
    ),
    *log.options("SCOUT"),
)
# fmt: on

MANUAL = Manual(
    program="scout",
    summary="Report the files in a directory to a scoutmaster, at once and truthfully",
    description="""The agent watches a directory by inotify events and by polling, and keeps
    the scoutmaster's list of its files true. It checks the directory and the scoutmaster
    at the start, and ends if one of them is not there. Once it has started it never ends
    because of either: it says what is wrong and recovers by itself.

    It watches several directories if --directory is given several times, or with
    --directories-from. If one of the two stands on the command line, the environment variables of
    both are not looked at. Each directory has a stream to the scoutmaster of its own, and none
    waits for another one. One that is missing, can't be read, or is claimed by another agent is
    told and looked for again and again; it ends the agent, at the start, only if that is so for
    all. The time that reading takes is shared by all.

    SIGTERM and SIGINT take the directory's files off the list and end the agent. So does SIGHUP
    where it has a terminal; without one SIGHUP changes nothing, since there is nothing to
    reload.""",
    options=OPTIONS,
    exit_codes=(
        (0, "stopped as asked"),
        (64, "wrong usage of the command line"),
        (66, "the directory is missing or not a directory, or all are"),
        (69, "the scoutmaster can't be reached or does not serve, at the start"),
        (70, "a bug in scout"),
        (74, "what was asked for can't be written to standard output"),
        (75, "the directory is claimed by another agent, or all are"),
        (77, "no permission"),
        (78, "wrong configuration"),
    ),
    examples=(
        ("scout --directory /tmp", "Watch /tmp for the scoutmaster on this host."),
        (
            "MONITOR_DIR=/srv/in SCOUT_MASTER_ADDRESS=master:3000 scout",
            "The same by environment, for another directory and master.",
        ),
        ("systemctl start scout@srv-in", "Watch /srv/in as a service."),
        (
            "systemctl start scout",
            "Watch the directories that /etc/scout/directories names, as a service.",
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Config:
    """What the operator decided. Durations are in seconds."""

    directories: tuple[MonitorConfig, ...]
    master: Address
    host: str
    start_timeout: float
    health: Address | None
    metrics: Address | None
    log_level: str
    log_format: str


def read(argv: Sequence[str], environ: Mapping[str, str]) -> tuple[str, Config | None]:
    """What is wished ("run", "check", "help", "version") and, for the first two, with what.

    Raises `UsageError` or `ConfigError`.
    """
    parsed = parse(MANUAL, argv, environ)
    if parsed.wish in ("help", "version"):
        return parsed.wish, None
    return parsed.wish, _build(parsed)


def _build(parsed: Parsed) -> Config:
    values = dict(parsed.values)
    common = {field.name: values.pop(field.name) for field in fields(MonitorConfig)[1:]}
    values["directories"] = listed(
        cast(tuple[str, ...], values.pop("directory")),
        cast(str | None, values.pop("directories_from")),
        MonitorConfig(b"", **common),  # type: ignore[arg-type]  # each parser gives its field's type
    )
    values["host"] = values["host"] or _own_name()
    config = Config(**values)  # type: ignore[arg-type]  # each parser gives its field's type
    if config.health and config.metrics and config.health.collides(config.metrics):
        raise ConfigError(
            "--health and --metrics must differ",
            f"{config.health} and {config.metrics}",
            "give each its own port",
        )
    return config


def _own_name() -> str:
    """The host's name. Raises `ConfigError` if nothing can be claimed under it."""
    name = socket.gethostname()
    try:
        return text(name)
    except ValueError as error:
        hint = f"it must be {error}; set --host"
        raise ConfigError("this host's own name can't be used", repr(name), hint) from error
