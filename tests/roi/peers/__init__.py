"""What the tests of other libraries' RoI operators check, in our own words and against our own reference."""
