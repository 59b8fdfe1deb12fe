"""What makes pages from the code; not part of the package."""
