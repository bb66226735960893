"""How a clip is filmed: the camera's way, the light, the sensor.

Times are in frames, and may lie between them; matrices are 3x3, on pixels.
"""

import cv2
import numpy as np


def still(times, size, rng):
    return _views(times, size)


def tripod(times, size, rng):
    """A tripod in the wind: less than a pixel of jitter."""
    swing = _waves(times, rng, (0.9, 1.7, 2.6), 2)
    return _views(times, size, 0.45 * size[0] / 320 * swing)


def pan(times, size, rng, heading=1):
    """A pan, mostly sideways, that speeds up and slows down; the world slides against it."""
    speed = rng.uniform(0.7, 2.8) * size[0] / 320
    way = speed * np.ptp(times) * _eased(times)
    return _views(times, size, np.stack([-heading * way, 0.12 * rng.normal() * way], 1))


def zoom(times, size, rng):
    """Nearer or farther by 5 to 25 percent over the clip."""
    most = np.log(rng.uniform(1.06, 1.25)) * rng.choice([-1, 1])
    share = _eased(times) - (0 if most > 0 else 1)
    return _views(times, size, scale=np.exp(abs(most) * np.sign(most) * share))


def hand_held(times, size, rng):
    """A hand that tries to keep still: it drifts, trembles, tilts and breathes."""
    drift = 4.5 * _waves(times, rng, (0.06, 0.14), 2) + 0.9 * _waves(times, rng, (0.5, 1.1), 2)
    tilt = 1.0 * _waves(times, rng, (0.07, 0.2), 1)[:, 0]
    breath = np.exp(0.014 * _waves(times, rng, (0.05, 0.16), 1)[:, 0])
    return _views(times, size, drift * size[0] / 320, tilt, breath)


CAMERAS = {
    "still": still, "tripod": tripod, "pan": pan, "zoom": zoom, "hand_held": hand_held,
}  # fmt: skip


def _eased(times):
    """From 0 to 1, slowly at both ends."""
    share = (times - times[0]) / max(np.ptp(times), 1e-9)
    return share**2 * (3 - 2 * share)


def _waves(times, rng, rates, columns):
    """Sums of sines of unit amplitude, random in phase, (N, columns)."""
    rates = np.array(rates) * rng.uniform(0.8, 1.25, (columns, len(rates)))
    phases = rng.uniform(0, 2 * np.pi, rates.shape)
    return np.sin(times[:, None, None] * rates + phases).mean(2) * len(rates) ** 0.5


def _views(times, size, shifts=None, tilts=None, scale=None):
    """Matrices (N, 3, 3) that turn (degrees) and scale about the picture's middle, then shift."""
    count = len(times)
    shifts = np.zeros((count, 2)) if shifts is None else shifts
    tilts = np.radians(np.zeros(count) if tilts is None else tilts)
    scale = np.ones(count) if scale is None else scale
    views = np.tile(np.eye(3), (count, 1, 1))
    views[:, 0, 0] = views[:, 1, 1] = scale * np.cos(tilts)
    views[:, 1, 0] = scale * np.sin(tilts)
    views[:, 0, 1] = -views[:, 1, 0]
    middle = np.array(size) / 2
    views[:, :2, 2] = middle + shifts - views[:, :2, :2] @ middle
    return views


def exposures(light, times, rng):
    """Factors (N, 3) on red, green and blue at each time."""
    factors = np.ones((len(times), 3))
    if light == "exposure":
        most = rng.uniform(0.12, 0.22) * rng.choice([-1, 1])
        swing = most * np.sin(2 * np.pi * times / rng.uniform(50, 110) + rng.uniform(-0.5, 0.5))
        factors = factors * (1 + swing)[:, None] * (1 + swing[:, None] * rng.uniform(-0.2, 0.2, 3))
    elif light == "flicker":
        factors = (
            factors * (1 + rng.uniform(0.015, 0.03) * rng.standard_normal(len(times)))[:, None]
        )
    return factors


def sense(picture, sensor, unit, rng):
    """What a sensor makes of light.

    Args:
        picture: (H, W, 3) float32, 0..255.
        sensor: one of `SENSORS`.
        unit: pixels of one three-hundredth of the picture's width.
        rng: of its noise.

    Returns:
        (H, W, 3) uint8.
    """
    picture = cv2.GaussianBlur(picture, (0, 0), 0.45 + 0.15 * unit)  # no lens is sharper
    strength = 5.5 if sensor == "noisy" else 1.2
    # More of it in the dark, and less in colour than in light, as cameras filter it.
    grain = 0.8 * rng.standard_normal((*picture.shape[:2], 1), np.float32)
    grain = grain + 0.6 * rng.standard_normal(picture.shape, np.float32)
    picture += strength * (1.25 - picture / 500) * grain
    return picture.clip(0, 255).round().astype(np.uint8)


SENSORS = "clean", "noisy", "motion_blur", "low_bitrate"
LIGHTS = "plain", "shadow", "exposure", "flicker"
