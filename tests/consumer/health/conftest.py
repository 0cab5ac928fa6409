from tests.consumer.instance.world import checks, clock, database, world

__all__ = ["checks", "clock", "database", "world"]
