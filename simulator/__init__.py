"""A simulated bike-share city with a truth ledger, served over HTTP and recorded as history.

The product never imports it; it stands in for the outside world, and what it knows to be true
(every trip, truck move, breakage and fault) is what inferences are measured against.
"""

from simulator.city import City
from simulator.clock import Clock, SimulatedClock
from simulator.faults import Fault, FaultKind, default_faults
from simulator.history import record
from simulator.home import HomeError, World, open_world
from simulator.server import serving

__all__ = [
    "City",
    "Clock",
    "Fault",
    "FaultKind",
    "HomeError",
    "SimulatedClock",
    "World",
    "default_faults",
    "open_world",
    "record",
    "serving",
]
