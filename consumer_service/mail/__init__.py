"""Mail to people: queued with the change that causes it, rendered and handed over by the worker."""
