"""Links that were opened here, kept for the browser that brought them until an administrator has confirmed the host."""
