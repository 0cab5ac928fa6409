"""Records that both sides hold a copy of; the first type is the incident (design: exchange.md, *Records*)."""
