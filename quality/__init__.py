"""Platform: the gate between what was built and what readers see; `contracts` holds theirs."""
