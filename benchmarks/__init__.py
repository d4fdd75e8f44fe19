"""How fast numgan trains beside what people would pick instead, how many modes its cures find, and how often the
health line is right. Outside the package; results are kept in `results/`."""

from pathlib import Path

RESULTS = Path(__file__).parent / "results"
