"""Attacks on a run: kills, interrupts, rivals, mutated files, random options; counts of what is lost."""
