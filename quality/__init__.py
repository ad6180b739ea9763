"""Platform: the gate between what was built and what readers see. Contracts stand in `contracts`."""
