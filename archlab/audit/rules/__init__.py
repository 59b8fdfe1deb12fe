"""What an operator's arithmetic is: ``rule_table`` has a row for each operator, the files beside it the functions."""
