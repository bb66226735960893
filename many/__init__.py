"""Many pairs of clips: the list of them, the cluster that works on it, and the page of results."""
