"""Places that are measured frame by frame, smoothed in time."""

import numpy as np

FWHM = 2 * np.sqrt(2 * np.log(2))  # full width at half maximum of a Gaussian, in sigmas


def smooth(points, seconds, rate):
    """Smooth points in time by local linear regression with Gaussian weights, without delay.

    Inside the clip this is a plain Gaussian filter. At its ends, where that would hold motion
    back, it goes on along the line (Fan and Gijbels 1996).

    Args:
        points: (N, K, 2).
        seconds: the Gaussian's full width at half maximum, above 0.
        rate: frames per second.

    Returns:
        (N, K, 2) float32.
    """
    from scipy.ndimage import gaussian_filter1d  # slow to import, and seldom needed

    sigma = min(seconds * rate / FWHM, 2 * len(points))  # wider ones are one line anyway
    time = np.arange(len(points), dtype=np.float64)[:, None, None]
    whole = gaussian_filter1d(np.ones_like(time), sigma, axis=0, mode="constant")

    def mean(values):
        return gaussian_filter1d(values, sigma, axis=0, mode="constant") / whole

    points, centre = points.astype(np.float64), mean(time)
    spread = np.maximum(mean(time**2) - centre**2, 1e-6)  # 0 where the window is one frame
    slope = (mean(time * points) - centre * mean(points)) / spread
    return (mean(points) + slope * (time - centre)).astype(np.float32)
