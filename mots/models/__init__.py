"""Networks and their weights: the only part that imports torch, ultralytics and torchreid, and only to load one."""
