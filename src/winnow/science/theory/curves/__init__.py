"""The curves that `winnow simulate` draws, each as tidy rows computed from settings and a seed."""
