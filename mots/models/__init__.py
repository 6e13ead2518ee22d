"""Networks and their weights: the only code that imports torch, ultralytics and torchreid, and only to load one."""
