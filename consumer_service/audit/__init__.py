"""The audit trail: who changed what, when and from where; also the feed of events integrators read."""
