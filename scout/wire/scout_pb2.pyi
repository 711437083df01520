from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AgentMessage(_message.Message):
    __slots__ = ("register", "changes", "health", "deregister")
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    HEALTH_FIELD_NUMBER: _ClassVar[int]
    DEREGISTER_FIELD_NUMBER: _ClassVar[int]
    register: Register
    changes: Changes
    health: Health
    deregister: Deregister
    def __init__(self, register: _Optional[_Union[Register, _Mapping]] = ..., changes: _Optional[_Union[Changes, _Mapping]] = ..., health: _Optional[_Union[Health, _Mapping]] = ..., deregister: _Optional[_Union[Deregister, _Mapping]] = ...) -> None: ...

class MasterMessage(_message.Message):
    __slots__ = ("registered", "ack", "health", "resync", "progress")
    REGISTERED_FIELD_NUMBER: _ClassVar[int]
    ACK_FIELD_NUMBER: _ClassVar[int]
    HEALTH_FIELD_NUMBER: _ClassVar[int]
    RESYNC_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    registered: Registered
    ack: Ack
    health: MasterHealth
    resync: Resync
    progress: Progress
    def __init__(self, registered: _Optional[_Union[Registered, _Mapping]] = ..., ack: _Optional[_Union[Ack, _Mapping]] = ..., health: _Optional[_Union[MasterHealth, _Mapping]] = ..., resync: _Optional[_Union[Resync, _Mapping]] = ..., progress: _Optional[_Union[Progress, _Mapping]] = ...) -> None: ...

class Register(_message.Message):
    __slots__ = ("host", "directory", "epoch", "acknowledged", "version", "attempt", "real_path")
    HOST_FIELD_NUMBER: _ClassVar[int]
    DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGED_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    REAL_PATH_FIELD_NUMBER: _ClassVar[int]
    host: str
    directory: bytes
    epoch: int
    acknowledged: int
    version: str
    attempt: int
    real_path: bytes
    def __init__(self, host: _Optional[str] = ..., directory: _Optional[bytes] = ..., epoch: _Optional[int] = ..., acknowledged: _Optional[int] = ..., version: _Optional[str] = ..., attempt: _Optional[int] = ..., real_path: _Optional[bytes] = ...) -> None: ...

class Changes(_message.Message):
    __slots__ = ("part", "sequence", "added", "removed", "count", "digest")
    class Part(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        DELTA: _ClassVar[Changes.Part]
        FIRST: _ClassVar[Changes.Part]
        MIDDLE: _ClassVar[Changes.Part]
        LAST: _ClassVar[Changes.Part]
        ONLY: _ClassVar[Changes.Part]
    DELTA: Changes.Part
    FIRST: Changes.Part
    MIDDLE: Changes.Part
    LAST: Changes.Part
    ONLY: Changes.Part
    PART_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    ADDED_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    part: Changes.Part
    sequence: int
    added: _containers.RepeatedScalarFieldContainer[bytes]
    removed: _containers.RepeatedScalarFieldContainer[bytes]
    count: int
    digest: int
    def __init__(self, part: _Optional[_Union[Changes.Part, str]] = ..., sequence: _Optional[int] = ..., added: _Optional[_Iterable[bytes]] = ..., removed: _Optional[_Iterable[bytes]] = ..., count: _Optional[int] = ..., digest: _Optional[int] = ...) -> None: ...

class Health(_message.Message):
    __slots__ = ("serving", "reason", "sequence", "count", "digest", "behind", "omitted")
    SERVING_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    BEHIND_FIELD_NUMBER: _ClassVar[int]
    OMITTED_FIELD_NUMBER: _ClassVar[int]
    serving: bool
    reason: str
    sequence: int
    count: int
    digest: int
    behind: bool
    omitted: int
    def __init__(self, serving: _Optional[bool] = ..., reason: _Optional[str] = ..., sequence: _Optional[int] = ..., count: _Optional[int] = ..., digest: _Optional[int] = ..., behind: _Optional[bool] = ..., omitted: _Optional[int] = ...) -> None: ...

class Deregister(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Registered(_message.Message):
    __slots__ = ("resume", "sequence", "health_interval_seconds", "health_timeout_seconds", "serving", "heartbeat_limit_seconds", "max_name_bytes")
    RESUME_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    HEALTH_INTERVAL_SECONDS_FIELD_NUMBER: _ClassVar[int]
    HEALTH_TIMEOUT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    SERVING_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_LIMIT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    MAX_NAME_BYTES_FIELD_NUMBER: _ClassVar[int]
    resume: bool
    sequence: int
    health_interval_seconds: float
    health_timeout_seconds: float
    serving: bool
    heartbeat_limit_seconds: float
    max_name_bytes: int
    def __init__(self, resume: _Optional[bool] = ..., sequence: _Optional[int] = ..., health_interval_seconds: _Optional[float] = ..., health_timeout_seconds: _Optional[float] = ..., serving: _Optional[bool] = ..., heartbeat_limit_seconds: _Optional[float] = ..., max_name_bytes: _Optional[int] = ...) -> None: ...

class Ack(_message.Message):
    __slots__ = ("sequence",)
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    def __init__(self, sequence: _Optional[int] = ...) -> None: ...

class Progress(_message.Message):
    __slots__ = ("sequence", "parts")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    parts: int
    def __init__(self, sequence: _Optional[int] = ..., parts: _Optional[int] = ...) -> None: ...

class MasterHealth(_message.Message):
    __slots__ = ("serving",)
    SERVING_FIELD_NUMBER: _ClassVar[int]
    serving: bool
    def __init__(self, serving: _Optional[bool] = ...) -> None: ...

class Resync(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...
