"""Tasks over numbers written as tokens: encodings, matrices, determinants, common divisors, remainders."""
