"""Models: our small transformers, Hugging Face models in a folder, and log-probabilities stored with the rows."""
