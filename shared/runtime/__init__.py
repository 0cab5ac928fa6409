"""STARTING: how a process starts, stores, speaks and stops."""
