"""What the agent may claim of its directory to the master.

Nothing is claimed before the state that it vouches for was sent: after a directory has come back,
or what was in doubt was read again, the claim follows the changes, it does not overtake them. Owned
by one thread.
"""

from dataclasses import dataclass

from scout.agent.core.inventory import Inventory


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
        self._catching_up = False
        self._was_behind = ""

    def vouch(self, *, behind: bool, reason: str) -> None:
        """The inventory is the directory's truth, from now on as events keep it so. `behind`: as
        far as is known, and for `reason` it is known not to be all."""
        if not self.serving:
            self._catching_up = True
        elif self._behind and not behind:
            self._was_behind = self._reason
        self.serving, self._behind, self._reason = True, behind, reason

    def doubt(self, reason: str) -> None:
        """The directory is unavailable; `reason` is for people to read."""
        self.serving, self._behind, self._reason = False, False, reason

    def registered(self) -> None:
        """The master may hold less than the inventory does."""
        if self._inventory.rootless or self._inventory.waiting:
            self._catching_up = True

    @property
    def resuming(self) -> bool:
        """All is well but for changes that wait to be sent, and the master holds what they build
        on. On a new stream they go first: it knows the agent, and need not hear that it is not
        serving, take its files out of the list and put them back a moment later."""
        inventory = self._inventory
        return (
            self.serving
            and self._catching_up
            and not self._behind
            and not inventory.rootless
            and inventory.waiting > 0
        )

    def sent(self) -> None:
        """A delta, or the last part of a snapshot, was handed out."""
        if not (self._inventory.rootless or self._inventory.waiting):
            self._catching_up, self._was_behind = False, ""

    def claim(self, *, cutting: bool) -> Claim:
        """What may be claimed now. `cutting`: a snapshot is on its way."""
        inventory = self._inventory
        omitted = inventory.omitted
        unsent = inventory.rootless or inventory.waiting > 0 or cutting
        if self.serving and self._catching_up and unsent:
            return Claim(False, "catching up", False, omitted)
        if self.serving and self._was_behind and not self._behind and unsent:
            return Claim(True, self._was_behind, True, omitted)
        if self.serving:
            self._catching_up, self._was_behind = False, ""
        reason = self._reason
        if omitted and self.serving and not reason:
            reason = inventory.omission
        return Claim(self.serving, reason, self._behind, omitted)
