"""Functions that cannot take the run down: each runs in a process of its own that can be ended."""
