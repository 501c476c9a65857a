"""User functions in worker processes, so that a crash, a hang or a memory limit does not end the run."""
