"""The way in which services did this before there was a queue, on the same models: for comparison.

A request is held by the web server until its model has run: for garments in a process of its own, which loads the model each time; for
faces in the threads of the web server, one at a time by a semaphore; for recordings by the pipeline that each web process holds.
"""

REFUSED = 3
"""The exit code of a garment's process for a picture that cannot be used; standard error has the error's code."""
READY = "web process is ready"
"""The line of the log that each web process writes once it has loaded what it holds."""
