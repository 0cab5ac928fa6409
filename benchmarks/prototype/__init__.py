"""The bare prototype: the path of a message from outbox to outbox, and nothing else.

It knows nothing of the product and shares no line with it: no framework, no mapping, no retries, no console. What it
reaches is what this machine, this crypto and these databases allow; the product is measured against it.
"""
