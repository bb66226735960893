"""Clips on disk, their augmentation, and the batches that training sees."""
