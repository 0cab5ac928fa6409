"""``python -m consumer_service``: the operator's command line."""

from consumer_service.cli import main

main()
