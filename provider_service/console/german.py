"""The German sentences of this console."""

GERMAN: dict[str, str] = {}
