"""A fourth kind: one folder, one line each in settings and urls. Its models misbehave in one way each; the engine is tested with them alone."""
