"""A small world of simulated owners, workers and housekeepers around the engine's real transitions, for test_protocol.py."""
