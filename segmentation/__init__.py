"""From the frames of a video to one mask each, by the frames alone or by a trained network."""
