"""A simulated city of shared bikes and scooters with a truth ledger, served and recorded as GBFS.

The product never imports it; it stands in for the outside world, and what it knows to be true
(every trip, truck move, breakage and fault) is what inferences are measured against.
"""

from simulator.city import City
from simulator.clock import Clock, SimulatedClock
from simulator.faults import Fault, FaultKind, all_faults, default_faults
from simulator.history import record
from simulator.home import HomeError, World, open_world
from simulator.server import serving
from simulator.truth import Episode, Shortage, episodes, shortages

__all__ = [
    "City",
    "Clock",
    "Episode",
    "Fault",
    "FaultKind",
    "HomeError",
    "Shortage",
    "SimulatedClock",
    "World",
    "all_faults",
    "default_faults",
    "episodes",
    "open_world",
    "record",
    "serving",
    "shortages",
]
