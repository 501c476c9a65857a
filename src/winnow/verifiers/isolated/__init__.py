"""User functions in isolated worker processes, which a crash, a hang or a memory limit cannot take the run down with."""
