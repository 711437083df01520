"""The scoutmaster: joins what the agents say into one sorted list."""
