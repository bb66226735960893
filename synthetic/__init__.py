"""Drawn creatures and scenes, and the ground truth of their motion."""
