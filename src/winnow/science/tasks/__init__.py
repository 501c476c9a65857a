"""Tasks: they make a prompt and know the answer, without any model.

A task is deterministic: the same seed gives the same prompts on every machine and Python version (see draws.py).
What a task of your own has to be is in task.py; word problems, eigenvalues and numbers/ are ours, each with a verifier
to name by dotted path.
"""
