"""Tasks: they make a prompt and know the answer, without any model.

A task is deterministic: the same seed gives the same prompts on every machine and Python version (see draws.py).
Tasks judge nothing for the tool; the callables in judges.py are examples of what a user would bring.
"""
