"""How long a worker does nothing for any model between two jobs."""
