"""Images in files: opened by what their headers say, read right in every mode, and within the memory that is free."""
