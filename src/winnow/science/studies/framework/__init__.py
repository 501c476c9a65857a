"""What every study stands in: its parts, scales and checks, a runner over seeds that can be stopped anywhere."""
