"""From a graph of the language's operators to a text that a person can read."""
