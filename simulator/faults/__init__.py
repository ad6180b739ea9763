"""What feeds do wrong, planned with the rule that should find it. The city itself never changes."""

from simulator.faults.kinds import MANNERS, Fault, FaultKind, Manner
from simulator.faults.plan import all_faults, default_faults

__all__ = ["MANNERS", "Fault", "FaultKind", "Manner", "all_faults", "default_faults"]
