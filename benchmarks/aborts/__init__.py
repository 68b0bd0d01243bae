"""A face worker that dies as the old service did, under real callers: the API has to stand it."""
