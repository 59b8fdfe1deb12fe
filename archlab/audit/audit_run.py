"""The result of a whole run: the audits, the models that failed, the limits that were broken."""

from __future__ import annotations

from dataclasses import dataclass

from archlab.audit.audit_result import Audit
from archlab.audit.limits import Breach


@dataclass(frozen=True, slots=True)
class Failure:
    """A model that could not be built or run."""

    name: str
    reason: str


Outcome = Audit | Failure


@dataclass(frozen=True)
class AuditRun:
    """What a run found.

    Attributes:
        outcomes: an audit or a failure for each target, in the order of the targets.
        breaches: the limits that were broken.
        needs_equal_peers: whether a difference from another counter that has no known cause is an error.
    """

    outcomes: tuple[Outcome, ...]
    breaches: tuple[Breach, ...] = ()
    needs_equal_peers: bool = False

    @property
    def audits(self) -> list[Audit]:
        """The outcomes that are audits."""
        return [outcome for outcome in self.outcomes if isinstance(outcome, Audit)]

    @property
    def failures(self) -> list[Failure]:
        """The outcomes that are failures."""
        return [outcome for outcome in self.outcomes if isinstance(outcome, Failure)]

    @property
    def problems(self) -> list[str]:
        """One line for each limit that was broken and each model that failed."""
        broken = [f"over the limit: {breach}" for breach in self.breaches]
        return broken + [f"{failure.name}: {failure.reason}" for failure in self.failures]

    @property
    def exit_code(self) -> int:
        """0 where all is well, 2 where nothing could be audited, else 1."""
        if not self.audits:
            return 2
        unequal = any(not (peer.equal or peer.explained) for audit in self.audits for peer in audit.peers)
        return int(bool(self.breaches or self.failures or (self.needs_equal_peers and unequal)))
