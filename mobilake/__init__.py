"""The command line and what every part of the platform shares: settings, secrets, errors."""
