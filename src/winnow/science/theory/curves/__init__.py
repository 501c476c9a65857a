"""Curves to look at: what `winnow simulate` draws, each as tidy rows from settings and a seed."""
