"""Tasks over numbers written as tokens: matrices, common divisors, remainders, word problems in digits."""
