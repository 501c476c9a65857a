"""Selection of candidates by an imperfect verifier, one round: arXiv 2406.07515 and what stands around it."""
