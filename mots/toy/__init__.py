"""A rendered toy world with exact truth, and the demo."""
