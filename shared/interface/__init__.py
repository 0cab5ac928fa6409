"""LOOK: page shell, components and static assets that both consoles share; no domain noun."""
