"""Domain: the sources of shared micromobility. The platform finds them through `mobilake.toml`."""
