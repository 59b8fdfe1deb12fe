"""From an existing model to a readable text of the same network."""
