"""Platform: what readers see. Published generations; dashboards' SQL stands in `dashboards`."""
