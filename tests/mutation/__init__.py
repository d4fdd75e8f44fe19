"""Mutation: one small change to the source at a time, each of which some test must notice.

`cd tests && python -m mutation --help`; what it found is in tests/MUTANTS.md.
"""
