"""The front: a small ASGI layer before Django that holds waiting clients without a thread (ENGINE.md, "Waiting: the front")."""
