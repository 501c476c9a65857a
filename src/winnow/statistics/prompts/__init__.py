"""Statistics over prompts instead of rows: prompt coverage, and the commonest wrong answer."""
