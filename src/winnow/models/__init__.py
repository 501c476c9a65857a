"""Models: who writes and reads text. Each completes prompts and says how likely a text is."""
