"""Attacks on what numgan promises to survive: rerun them, and read how often it did not."""
