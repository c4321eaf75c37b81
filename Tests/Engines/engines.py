"""The engines and their lists."""

ALL = {}
ENTRIES = []
