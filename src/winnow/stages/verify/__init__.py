"""The stage verify: a verdict, a score or both for every candidate from each verifier."""
