"""Workers: processes that take part in a study, here and on other machines."""
