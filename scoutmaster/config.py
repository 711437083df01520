"""The master's configuration: one frozen object, built at the edge."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scout.errors import ConfigError
from scout.process import log
from scout.process.options import Manual, Option, parse
from scout.process.values import Address, count, duration, listener, positive_duration

# A table reads best in rows.
# fmt: off
OPTIONS = (
    Option(
        "--grpc", "SCOUTMASTER_GRPC", "ADDRESS", listener, "3000",
        "Where agents connect: a port, or address:port. A bare port, like [::], is all addresses "
        "of IPv6 and IPv4; 0.0.0.0 is those of IPv4. Where a part is taken, the master does not "
        "start.",
    ),
    Option(
        "--http", "SCOUTMASTER_HTTP", "ADDRESS", listener, "3001",
        "Where GET /files, /clients, /metrics, /-/healthy and /-/ready are answered; an address "
        "as for --grpc.",
    ),
    Option(
        "--health-interval", "SCOUTMASTER_HEALTH_INTERVAL", "DURATION", positive_duration, "2s",
        "How often each agent says that it is well. Lower notices a dead host sooner (after "
        "this interval and --health-timeout) and costs about 0.1 ms of processor time for each "
        "word.",
    ),
    Option(
        "--health-timeout", "SCOUTMASTER_HEALTH_TIMEOUT", "DURATION", positive_duration, "1s",
        "How late an agent's word may be before its files leave the list. It must be shorter "
        "than the interval.",
    ),
    Option(
        "--unhealthy-limit", "SCOUTMASTER_UNHEALTHY_LIMIT", "N", count(1, 1000), "5",
        "So many missed words in a row end an agent's registration; it must send a snapshot "
        "when it comes back.",
    ),
    Option(
        "--settle", "SCOUTMASTER_SETTLE", "DURATION", duration, "10s",
        "For so long after the start the list is not called complete, since agents are still "
        "coming back. Lower is ready sooner and may show a part as the whole.",
    ),
    Option(
        "--expect-clients", "SCOUTMASTER_EXPECT_CLIENTS", "N", count(0, 1_000_000), "0",
        "How many agents there should be. With them all healthy the list is complete at once; "
        "with fewer it never is. 0: not known.",
    ),
    Option(
        "--max-clients", "SCOUTMASTER_MAX_CLIENTS", "N", count(1, 1_000_000), "20000",
        "More agents are refused. One costs about 64 KiB of memory beside its files.",
    ),
    Option(
        "--max-files", "SCOUTMASTER_MAX_FILES", "N", count(1, 100_000_000), "5000000",
        "An agent with more files is refused. A file costs about 150 bytes and its name.",
    ),
    Option(
        "--http-threads", "SCOUTMASTER_HTTP_THREADS", "N", count(1, 256), "8",
        "Requests that are worked on at the same time.",
    ),
    Option(
        "--http-connections", "SCOUTMASTER_HTTP_CONNECTIONS", "N", count(1, 100_000), "1000",
        "Connections that are open at the same time; further ones wait, for 5 s at most if one of "
        "these is not used, or takes longer than that to ask.",
    ),
    *log.options("SCOUTMASTER"),
)
# fmt: on

MANUAL = Manual(
    program="scoutmaster",
    summary="Join the files of all healthy agents into one sorted list, GET /files",
    description="""The scoutmaster keeps nothing on disk: the agents own the truth and bring it
    back after a restart. Agents connect to it by gRPC; people and Prometheus ask by HTTP.

    SIGTERM and SIGINT drain it: agents are told, stay up, and come back when it does. So does
    SIGHUP where it has a terminal; without one SIGHUP changes nothing, since there is nothing
    to reload.""",
    options=OPTIONS,
    exit_codes=(
        (0, "stopped as asked"),
        (64, "wrong usage of the command line"),
        (69, "an address is another program's, or none of this host"),
        (70, "a bug in scoutmaster"),
        (74, "what was asked for can't be written to standard output"),
        (77, "no permission to listen there"),
        (78, "wrong configuration"),
    ),
    examples=(
        ("scoutmaster", "Agents at port 3000, HTTP at port 3001, on all addresses."),
        (
            "scoutmaster --http 127.0.0.1:3001 --expect-clients 12",
            "HTTP for this host only; complete when 12 agents are healthy.",
        ),
        ("curl localhost:3001/files", "The list."),
    ),
)


@dataclass(frozen=True, slots=True)
class Config:
    """What the operator decided. Durations are in seconds."""

    grpc: Address
    http: Address
    health_interval: float
    health_timeout: float
    unhealthy_limit: int
    settle: float
    expect_clients: int
    max_clients: int
    max_files: int
    http_threads: int
    http_connections: int
    log_level: str
    log_format: str


def read(argv: Sequence[str], environ: Mapping[str, str]) -> tuple[str, Config | None]:
    """What is wished ("run", "check", "help", "version") and, for the first two, with what.

    Raises `UsageError` or `ConfigError`.
    """
    parsed = parse(MANUAL, argv, environ)
    if parsed.wish in ("help", "version"):
        return parsed.wish, None
    config = Config(**parsed.values)  # type: ignore[arg-type]  # each parser gives its field's type
    if config.health_timeout >= config.health_interval:
        raise ConfigError(
            "--health-timeout must be shorter than --health-interval",
            f"{config.health_timeout:g} s and {config.health_interval:g} s",
            "lower the one or raise the other",
        )
    if config.expect_clients > config.max_clients:
        raise ConfigError(
            "--expect-clients must not be above --max-clients",
            f"{config.expect_clients} and {config.max_clients}",
            "lower the one or raise the other",
        )
    if config.grpc.collides(config.http):
        raise ConfigError(
            "--grpc and --http must differ",
            f"{config.grpc} and {config.http}",
            "give each its own port",
        )
    return parsed.wish, config
