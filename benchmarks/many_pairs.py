"""Drawn pairs at tiny settings, for benchmarks of run_many.py: a minute or so each on a core."""

import subprocess
import sys

from utils.lifeline import ROOT

SETTINGS = """
resize_w: 64
resize_h: 64
num_kp: 5
kp_width: 4
ngf: 4
train_first_stage: {bs: 2, iters: N, save_check: 5, save_img: N, eval_test: N, print_loss: 1}
train_second_stage: {bs: 2, iters: N, save_check: 5, save_img: N, eval_test: N, print_loss: 1}
"""
MASKS = {"mask_a": "chroma", "mask_b": "chroma", "device": "cpu"}
FRAMES = 7  # so few that evaluate.py, which would take most of the time, is left out


def common(folder, iterations):
    """Options of all pairs, dict; the file of settings among them is written."""
    path = folder / "settings.yaml"
    path.write_text(SETTINGS.replace("N", str(iterations)))
    return {"settings": str(path), **MASKS}


def draw(folder, seed=0):
    """The two videos of a pair in a folder, which are drawn unless they are there: dict."""
    if not folder.is_dir():
        words = f"--camera green --frames {FRAMES} --width 96 --height 72 --seed {seed} --out"
        command = [sys.executable, str(ROOT / "data/make_videos.py"), *words.split(), str(folder)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return {f"clip_{domain}": str(folder / f"{domain}.mp4") for domain in "ab"}
