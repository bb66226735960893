"""A driver's keypoints, edited over time in a page, with the result that they draw beside them."""
