"""What the program tells the worker that it starts."""

COUNT = "jobs-run"
"""A file of the data folder with a byte for each job that came so far."""
EVERY = "ABORT_EVERY"
"""An environment variable: the process aborts with each so-many-th job."""
