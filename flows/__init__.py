"""Platform: Prefect flows, thin over the steps; one file per schedule."""
