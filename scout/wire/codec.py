"""Messages <-> protobuf bytes. The only file that touches protobuf.

Decoding checks the form (is it one of the messages, is the part known); what the content means
is checked by the state machines. Pure functions, safe from any thread.
"""

from google.protobuf.message import DecodeError

from scout.core.checkpoint import PART
from scout.core.messages import (
    Ack,
    AgentMessage,
    Changes,
    Deregister,
    Health,
    MasterHealth,
    MasterMessage,
    Part,
    Progress,
    Register,
    Registered,
    Resync,
)
from scout.errors import ProtocolError
from scout.wire import scout_pb2 as pb

SERVICE = "scout.v1.ScoutMaster"
METHOD = "Report"
REPORT = f"/{SERVICE}/{METHOD}"

SHORT_NAMES = 255
"""Bytes in the longest name that a master takes which does not say so."""


LEAST, MOST = 0.001, 7 * 86400.0
"""Seconds in each time that a master may announce: an operator may set 10 ms to a day, and a
heartbeat takes several of them."""


def encode_agent(message: AgentMessage) -> bytes:
    """The bytes of a message from the agent."""
    match message:
        case Changes():
            kind = pb.AgentMessage(
                changes=pb.Changes(
                    part=message.part.value,  # type: ignore[arg-type]
                    sequence=message.sequence,
                    added=message.added,
                    removed=message.removed,
                    count=message.count,
                    digest=message.digest,
                )
            )
        case Health():
            kind = pb.AgentMessage(
                health=pb.Health(
                    serving=message.serving,
                    reason=message.reason,
                    sequence=message.sequence,
                    count=message.count,
                    digest=message.digest,
                    behind=message.behind,
                    omitted=message.omitted,
                )
            )
        case Register():
            kind = pb.AgentMessage(
                register=pb.Register(
                    host=message.host,
                    directory=message.directory,
                    real_path=message.real_path,
                    epoch=message.epoch,
                    attempt=message.attempt,
                    acknowledged=message.acknowledged,
                    version=message.version,
                )
            )
        case Deregister():
            kind = pb.AgentMessage(deregister=pb.Deregister())
    return kind.SerializeToString()


def decode_agent(data: bytes) -> AgentMessage:
    """The message in `data`. Raises `ProtocolError` if there is none."""
    try:
        message = pb.AgentMessage.FromString(data)
    except DecodeError as error:
        raise _malformed("the agent's") from error
    match message.WhichOneof("kind"):
        case "changes":
            changes = message.changes
            try:
                part = Part(changes.part)
            except ValueError as error:
                raise ProtocolError(f"Changes of an unknown part {changes.part}") from error
            if len(changes.added) + len(changes.removed) > PART:
                # Before they are copied: a message has room for half a million empty names.
                raise ProtocolError(f"Changes of more than {PART} names")
            return Changes(
                part,
                changes.sequence,
                list(changes.added),
                list(changes.removed),
                changes.count,
                changes.digest,
            )
        case "health":
            health = message.health
            return Health(
                health.serving,
                health.reason,
                health.sequence,
                health.count,
                health.digest,
                health.behind,
                health.omitted,
            )
        case "register":
            register = message.register
            return Register(
                register.host,
                register.directory,
                register.epoch,
                register.acknowledged,
                register.version,
                register.real_path,
                register.attempt,
            )
        case "deregister":
            return Deregister()
    raise _malformed("the agent's")


def encode_master(message: MasterMessage) -> bytes:
    """The bytes of a message from the master."""
    match message:
        case Ack():
            kind = pb.MasterMessage(ack=pb.Ack(sequence=message.sequence))
        case Progress():
            kind = pb.MasterMessage(
                progress=pb.Progress(sequence=message.sequence, parts=message.parts)
            )
        case MasterHealth():
            kind = pb.MasterMessage(health=pb.MasterHealth(serving=message.serving))
        case Registered():
            kind = pb.MasterMessage(
                registered=pb.Registered(
                    resume=message.resume_after is not None,
                    sequence=message.resume_after or 0,
                    health_interval_seconds=message.health_interval,
                    health_timeout_seconds=message.health_timeout,
                    heartbeat_limit_seconds=message.heartbeat_limit,
                    serving=message.serving,
                    max_name_bytes=message.max_name_bytes,
                )
            )
        case Resync():
            kind = pb.MasterMessage(resync=pb.Resync(reason=message.reason))
    return kind.SerializeToString()


def decode_master(data: bytes) -> MasterMessage:
    """The message in `data`. Raises `ProtocolError` if there is none."""
    try:
        message = pb.MasterMessage.FromString(data)
    except DecodeError as error:
        raise _malformed("the master's") from error
    match message.WhichOneof("kind"):
        case "ack":
            return Ack(message.ack.sequence)
        case "progress":
            return Progress(message.progress.sequence, message.progress.parts)
        case "health":
            return MasterHealth(message.health.serving)
        case "registered":
            registered = message.registered
            times = (
                registered.health_interval_seconds,
                registered.health_timeout_seconds,
                registered.heartbeat_limit_seconds,
            )
            if not all(LEAST <= it <= MOST for it in times):
                raise ProtocolError("Registered without its times, or with such as can't be kept")
            return Registered(
                registered.sequence if registered.resume else None,
                *times,
                registered.serving,
                registered.max_name_bytes or SHORT_NAMES,
            )
        case "resync":
            return Resync(message.resync.reason)
    raise _malformed("the master's")


def _malformed(whose: str) -> ProtocolError:
    return ProtocolError(f"{whose} bytes are no message of {SERVICE}")
