"""Profiles of hypothesis: `ci`, fast and the same every time, and `--hypothesis-profile=thorough`, which searches."""

from hypothesis import HealthCheck, settings

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

settings.register_profile("ci", max_examples=25, derandomize=True, deadline=None, database=None)
settings.register_profile("thorough", max_examples=1000, deadline=None, suppress_health_check=SLOW)
settings.load_profile("ci")  # the command line's choice is loaded after this
