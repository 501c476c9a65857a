"""What the demo's second act is about: sums so small that a model trained on the spot learns them."""
