"""From results of inference to pictures one can use: steady, in their place, over a background."""
