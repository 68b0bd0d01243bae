"""Telling others that a job has ended, after Standard Webhooks 1.0.0."""
