"""Speeds, as ratios against a bare baseline in the same run: machines are noisy."""
