"""Writes seeds/flow_netting.csv: what the comparison of polls does not see, by turnover and drift.

Between two polls D riders take a vehicle and A bring one; a poll sees the difference alone. With D
and A independent and Poisson, the difference is Skellam. For a mean size u = E|A - D| of what is
seen and a drift r = |E(A - D)| / u, this finds the means a and b of A and D that give them. What
was seen of them is (u + r u) / 2 and (u - r u) / 2, and as many of both went unseen: min(a, b) less
what was seen of the lesser. The file has that number, divided by the product of what was seen.

    python seeds/flow_netting.py > seeds/flow_netting.csv
"""

import csv
import math
import sys

TURNOVER_STEPS = range(-16, 13)
"""A step is a factor of 2 ** (1 / 4): from 1/16 to 8 vehicles a poll."""
DRIFTS = (0.0, 0.2, 0.4, 0.6, 0.8)


def mean_seen(departures: float, arrivals: float) -> float:
    """Return E max(0, D - A) of Poisson numbers with these means."""
    most = int(departures + arrivals + 12 * math.sqrt(departures + arrivals) + 20)
    seen = departed = arrived = 0.0
    for number in range(most):
        chance = math.exp(number * math.log(departures) - departures - math.lgamma(number + 1))
        other = math.exp(number * math.log(arrivals) - arrivals - math.lgamma(number + 1))
        # E max(0, D - A) is the sum over j of P(D > j) P(A <= j)
        departed += chance
        arrived += other
        seen += (1 - departed) * arrived
    return seen


def unseen_ratio(turnover: float, drift: float) -> float:
    """Return the unseen pairs of a poll, divided by the product of what was seen both ways."""
    more, less = turnover * (1 + drift) / 2, turnover * (1 - drift) / 2
    low, high = 0.0, 4 * turnover * turnover + 4
    for _ in range(60):
        unseen = (low + high) / 2
        if mean_seen(more + unseen, less + unseen) < more:
            low = unseen
        else:
            high = unseen
    return low / (more * less)


def rows() -> list[tuple[int, float, float]]:
    """Return step of turnover, drift and ratio."""
    return [
        (step, drift, round(unseen_ratio(2 ** (step / 4), drift), 4))
        for step in TURNOVER_STEPS
        for drift in DRIFTS
    ]


if __name__ == "__main__":
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(("turnover_step", "drift_tenths", "unseen_ratio"))
    table.writerows((step, round(10 * drift), ratio) for step, drift, ratio in rows())
