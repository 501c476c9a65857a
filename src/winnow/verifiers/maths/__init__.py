"""The verifier `maths`: mathematical answers, compared exactly where that is possible and by math-verify elsewhere."""
