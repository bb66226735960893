"""From the frames of a video to one mask each, without learning."""
