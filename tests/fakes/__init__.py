"""A fourth kind: one folder, one line each in settings and urls. Its models misbehave in one way each, to test the engine with."""
