"""One round of selection by an imperfect verifier on Gaussian data: arXiv 2406.07515 and related results."""
