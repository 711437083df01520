"""The clients' standing, and the list in line with it.

Rules of this file:

1. A client's files are in the catalog if and only if it is healthy, except for the time that a
   large change takes on its way in or out.
2. Whatever becomes of a client is counted, and told once, as a `Transition`.

Times are monotonic seconds. Owned by one thread.
"""

from scoutmaster.core.catalog import Catalog
from scoutmaster.core.registry import Client, Standing
from scoutmaster.core.transitions import Counters, Transition


class Fleet:
    """Who is shown, and who of them is not all there."""

    def __init__(self) -> None:
        self.catalog = Catalog()
        self.tally = Counters()
        self.healthy = 0
        self._lacking: set[int] = set()
        self._turns: list[Transition] = []

    @property
    def lacking(self) -> int:
        """How many of the healthy know that their files are not all."""
        return len(self._lacking)

    def come(self, client: Client) -> None:
        """It has just registered."""
        self._turn(client, None, client.standing, "")

    def judge(self, client: Client, now: float) -> None:
        """Bring the list in line with what the client is worth now."""
        before = client.standing
        standing, reason = client.judge()
        lacking = client.lacking and standing is Standing.HEALTHY
        turned = lacking is not (client.number in self._lacking)
        if turned:
            (self._lacking.add if lacking else self._lacking.discard)(client.number)
        if standing is before:
            if turned:
                self._turn(client, before, standing, reason)
            return
        client.standing, client.since = standing, now
        self._turn(client, before, standing, reason)
        if standing is Standing.HEALTHY and client.holding is not None:
            self.healthy += 1
            self.catalog.show(client.number, client.holding)
        elif before is Standing.HEALTHY:
            self._hide(client)

    def go(self, client: Client, label: str, reason: str) -> None:
        """Its registration ended. `label` is for counting, `reason` for people."""
        self.tally.deregistrations[label] += 1
        if client.standing is Standing.HEALTHY:
            self._hide(client)
        self._turn(client, client.standing, None, reason)
        self._lacking.discard(client.number)

    def take_turns(self) -> list[Transition]:
        """The transitions since the last call, in order."""
        turns, self._turns = self._turns, []
        return turns

    def _hide(self, client: Client) -> None:
        self.healthy -= 1
        self.catalog.hide(client.number)

    def _turn(
        self, client: Client, before: Standing | None, after: Standing | None, reason: str
    ) -> None:
        turn = Transition(client, before, after, reason, client.number in self._lacking)
        self.tally.transitions[turn.label] += 1
        self._turns.append(turn)
