"""The demonstration: both services driven from outside, over HTTP only."""
