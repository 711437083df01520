"""Liveness: which components made progress recently, and which one is stuck.

The watchdog is fed, and health is answered, from what is said here. A beat is recorded where the
component's work is done, never by a timer beside it; so a loop that runs while a component hangs is
found out.
"""

from dataclasses import dataclass


@dataclass(slots=True)
class _Component:
    limit: float
    beat: float


class Liveness:
    """The components, each with the longest time in seconds that it may go without progress."""

    def __init__(self) -> None:
        self._components: dict[str, _Component] = {}

    def expect(self, component: str, limit: float, now: float) -> None:
        """From `now` on, `component` must beat at least every `limit` seconds."""
        self._components[component] = _Component(limit, now)

    def excuse(self, component: str) -> None:
        """`component` has nothing to do and need not beat."""
        self._components.pop(component, None)

    def beat(self, component: str, now: float) -> None:
        """`component` made progress. One that is not expected to beat may do so."""
        if component in self._components:
            self._components[component].beat = now

    def stuck(self, now: float) -> dict[str, float]:
        """The components over their limit, with the seconds since they last made progress."""
        return {
            name: now - component.beat
            for name, component in self._components.items()
            if now - component.beat > component.limit
        }
