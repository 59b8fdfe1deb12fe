"""``python -m archlab`` is ``archlab``."""

from archlab.cli.main import main

main()
