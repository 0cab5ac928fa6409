"""The handshake with one consumer, from its announcement to the agreed settings (design: protocol.md, *Handshake*)."""
