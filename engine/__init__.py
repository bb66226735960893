"""A training run: its loop, checkpoints, folder, schedule and log, and the steps of a whole way."""
