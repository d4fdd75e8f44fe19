"""The same training step in numgan and in what people would pick instead, side by side."""
