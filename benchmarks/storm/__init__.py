"""Random kills while jobs flow, and an account of every job: `make storm`, or `python -m benchmarks.storm`."""
