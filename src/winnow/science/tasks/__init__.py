"""Tasks with known answers: they make prompts, and verify answers without any model.

A task is deterministic: the same seed gives the same prompts on every machine and Python version. task.py defines what
a task is; word problems, eigenvalues and numbers/ are tasks, each with a verifier to name by dotted path.
"""
