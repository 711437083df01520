"""Claims: (host, directory), checked before they are granted."""

from scout.core.messages import Register
from scoutmaster.core.refusal import Refused, Status
from scoutmaster.core.registry import Client


def check_claim(message: Register) -> None:
    """Refuse a claim that is not one."""
    host, directory = message.host, message.directory
    wrong = ""
    if not 1 <= len(host) <= 255 or not host.isprintable():
        wrong = "the host must be 1 to 255 printable characters; set --host"
    elif not _is_path(directory):
        wrong = "the directory must be an absolute path of at most 4,096 bytes"
    elif message.real_path and not _is_path(message.real_path):
        wrong = "the real path must be an absolute path of at most 4,096 bytes"
    elif len(message.version) > 64 or not message.version.isprintable():
        wrong = "the version must be at most 64 printable characters"
    if wrong:
        raise Refused(Status.INVALID_ARGUMENT, wrong)


def check_attempt(client: Client, message: Register) -> None:
    """Refuse a stream that the network delivered late: the same agent has opened a newer one."""
    if message.attempt < client.attempt:
        raise Refused(
            Status.ABORTED,
            f"the same agent opened a newer stream: attempt {client.attempt}, "
            f"and this is {message.attempt}",
            expected=True,
        )


def claimed(client: Client, now: float) -> Refused:
    """The refusal for a claim that `client` holds: who it is, and since when."""
    return Refused(
        Status.ALREADY_EXISTS,
        f"{client.name} has been claimed by the agent at {client.peer} for "
        f"{now - client.registered:.0f} s; stop that agent, or set another --host",
    )


def _is_path(path: bytes) -> bool:
    return path.startswith(b"/") and b"\0" not in path and len(path) <= 4096
