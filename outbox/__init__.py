"""What has to follow from a commit is written with it, done in batches, and rescued from processes that died."""
