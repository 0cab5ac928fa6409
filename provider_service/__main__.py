"""``python -m provider_service``: the operator's command line."""

from provider_service.cli import main

main()
