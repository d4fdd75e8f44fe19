"""The lab: the theory of the game as exact numbers, small games whose motion is known, failures on demand, cures."""
