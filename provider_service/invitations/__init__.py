"""Registration tokens and the links that carry them (design: protocol.md, *Registration token and link*)."""
