"""Papers as executable studies: what was claimed, what a machine finds, and where the claim holds.

A study goes through the front door only: `import winnow`, winnow.science.theory, winnow.science.tasks and winnow.text.
"""
