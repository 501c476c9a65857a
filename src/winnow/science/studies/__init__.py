"""Papers as executable studies: what was claimed, what is measured here, and under which condition a claim holds.

A study uses the public API, winnow.science.theory, winnow.science.tasks, winnow.text and the storage helpers only.
"""
