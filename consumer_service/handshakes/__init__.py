"""The handshake with one provider, from our announcement to the agreed settings (design: protocol.md, *Handshake*)."""
