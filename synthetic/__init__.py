"""Drawn creatures and scenes, and the ground truth of their motion."""

CAMERAS = ("still", "panning", "green")  # that `synthetic.scenery` films with
