"""From what inference draws to finished pictures: smooth in time, in place, over a background."""
