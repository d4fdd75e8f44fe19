"""Mutation: one small change to the source at a time, each of which some test must notice.

`python -m tests.mutation --help` from the project's folder; what it found is in tests/MUTANTS.md.
"""
