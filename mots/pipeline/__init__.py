"""One source to results: measure, identify, label, record."""
