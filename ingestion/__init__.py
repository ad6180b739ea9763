"""Platform: everything that brings data into the lake. The domain's sources stand in `sources`."""
