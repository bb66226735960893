"""Example-based rendering: real frames of the target, chosen by pose, deformed to the driver's."""
