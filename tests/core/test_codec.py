"""What is taken from the wire."""

from dataclasses import replace

import pytest

from scout.core.messages import Registered
from scout.errors import ProtocolError
from scout.wire.codec import decode_master, encode_master

GRANTED = Registered(None, 2.0, 1.0, 13.0, serving=True)


@pytest.mark.parametrize("field", ["health_interval", "health_timeout", "heartbeat_limit"])
@pytest.mark.parametrize("seconds", [0.0, -1.0, 1e-320, 1e-4, 1e9, float("inf"), float("nan")])
def test_times_that_can_not_be_kept_are_refused(field: str, seconds: float) -> None:
    """An agent divides by them, and sleeps for them."""
    data = encode_master(replace(GRANTED, **{field: seconds}))  # type: ignore[arg-type]
    with pytest.raises(ProtocolError, match="without its times"):
        decode_master(data)


@pytest.mark.parametrize("seconds", [0.01, 86400.0])
def test_times_that_an_operator_may_set_are_taken(seconds: float) -> None:
    granted = replace(GRANTED, health_interval=seconds, health_timeout=seconds)
    assert decode_master(encode_master(granted)) == granted
