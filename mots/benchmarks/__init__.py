"""What benchmarks prescribe: classes, splits, layouts, the rules of the official kits, submission."""
