"""Eigenvalues by small transformers (arXiv 2406.07515): students of unverified, verified and best-of-N answers."""
