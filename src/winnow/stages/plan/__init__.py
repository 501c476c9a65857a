"""The stage plan: which candidates to label, and in which order."""
