"""Videos and folders of pictures in, videos out, and the grid of cells that they show."""
