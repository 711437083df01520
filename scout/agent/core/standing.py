"""What the agent may claim of its directory to the master.

Nothing is claimed before the state that it vouches for was sent: after a directory has come back,
or what was in doubt was read again, the claim follows the changes, it does not overtake them. Owned
by one thread.
"""

from dataclasses import dataclass

from scout.agent.core.inventory import Inventory

CATCHING_UP = "catching up"


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim; the fields are those of `Health`."""

    serving: bool
    reason: str
    behind: bool
    omitted: int


class Standing:
    """The directory's health, and whether the state to vouch for still has to be sent."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self.serving = False
        self._reason = "the first scan has not ended"
        self._behind = False
        # What still has to be sent: all, since the directory is back; what waits, on a new stream.
        self._returned = self._resumed = False
        self._settling = False
        self._was_behind = ""

    def vouch(self, *, behind: bool, reason: str, settling: bool = False) -> None:
        """The inventory is the directory's truth, from now on as events keep it so. `behind`: as
        far as is known, and for `reason` it is known not to be all. `settling`: it is about to be
        known."""
        if not self.serving:
            self._returned = True
        elif self._behind and not behind:
            self._was_behind = self._reason
        if self._settling and not settling:
            self.registered()  # what was found meanwhile goes before the first word as well
        self.serving, self._behind, self._reason = True, behind, reason
        self._settling = settling

    def doubt(self, reason: str) -> None:
        """The directory is unavailable; `reason` is for people to read."""
        self.serving, self._behind, self._reason = False, False, reason
        self._settling = False

    def registered(self) -> None:
        """The master may hold less than the inventory does."""
        if self._inventory.rootless or self._inventory.waiting:
            self._resumed = True

    @property
    def resuming(self) -> bool:
        """All is well but for changes that wait to be settled or sent, and the master holds what
        they build on. On a new stream they go first: it knows the agent, and need not hear that it
        is not serving, take its files out of the list and put them back a moment later."""
        inventory = self._inventory
        unsent = (self._returned or self._resumed) and inventory.waiting > 0
        return (
            self.serving
            and not self._behind
            and not inventory.rootless
            and (self._settling or unsent)
        )

    def sent(self) -> None:
        """A delta, or the last part of a snapshot, was handed out."""
        if not (self._inventory.rootless or self._inventory.waiting):
            self._caught_up()

    def claim(self, *, snapshot: bool) -> Claim:
        """What may be claimed now. `snapshot`: a snapshot is on its way."""
        inventory = self._inventory
        omitted = inventory.omitted
        missing = inventory.rootless or snapshot
        unsent = missing or inventory.waiting > 0
        if self.serving and ((self._returned and unsent) or (self._resumed and missing)):
            return Claim(False, CATCHING_UP, False, omitted)
        if self.serving and (self._settling or (self._resumed and unsent)):
            # The master holds what it may show meanwhile.
            return Claim(True, self._reason or CATCHING_UP, True, omitted)
        if self.serving and self._was_behind and not self._behind and unsent:
            return Claim(True, self._was_behind, True, omitted)
        if self.serving:
            self._caught_up()
        reason = self._reason
        if omitted and self.serving and not reason:
            reason = inventory.omission
        return Claim(self.serving, reason, self._behind, omitted)

    def _caught_up(self) -> None:
        self._returned = self._resumed = False
        self._was_behind = ""
