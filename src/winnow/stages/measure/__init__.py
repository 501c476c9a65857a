"""The stage measure: the error rates of a verifier, estimated from its verdicts and a labeled sample."""
