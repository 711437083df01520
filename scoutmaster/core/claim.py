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
    elif not directory.startswith(b"/") or b"\0" in directory or len(directory) > 4096:
        wrong = "the directory must be an absolute path of at most 4,096 bytes"
    elif len(message.version) > 64 or not message.version.isprintable():
        wrong = "the version must be at most 64 printable characters"
    if wrong:
        raise Refused(Status.INVALID_ARGUMENT, wrong)


def claimed(client: Client, now: float) -> Refused:
    """The refusal for a claim that `client` holds: who it is, and since when."""
    return Refused(
        Status.ALREADY_EXISTS,
        f"{client.name} has been claimed by the agent at {client.peer} for "
        f"{now - client.registered:.0f} s; stop that agent, or set another --host",
    )
