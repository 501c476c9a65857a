"""The parts of every study: claims, scales, checks, the store of finished units, and the runner."""
