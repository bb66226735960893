"""Stage two: one refiner per object turns its silhouettes into pictures."""

from utils import errors

errors.guard(__name__)

from utils import options

if __name__ == "__main__":  # --help and wrong options are answered before slow imports
    errors.run(options.parse, "train_second_stage", __doc__)

from itertools import chain

import torch
from torch import nn

from engine import checkpoint, run_folder, samples
from engine.galleries import open_galleries
from engine.learner import Learner
from engine.loop import Run, compile_step, open_pairs, prepare_output, step
from engine.optimiser import Adam
from exemplars.deformation import deform
from losses.adversarial import realism, telling_apart
from losses.reconstruction import l1
from models import PatchDiscriminator, weights
from models.build import build_jokr
from utils import parallel, runtime


def refine(jokr, a, b, examples=None):
    """Keypoints, own silhouettes and refined pictures of both batches; only the refiners learn.

    `examples` are other frames of A's and of B's items, from `Pairs.companions`, for refiners that
    copy from them.
    """
    with torch.no_grad():
        kp_a, kp_b = (jokr.detector(jokr.view(x.frame, x.mask))[0] for x in (a, b))
        (mask_a, _), (_, mask_b) = jokr.decode_both(kp_a, kp_b, *a.frame.shape[2:])
        posed_a = posed_b = ()
        if examples:
            posed_a, posed_b = ([posed(jokr, *x, k)] for x, k in zip(examples, (kp_a, kp_b)))
    return {
        "kp_a": kp_a, "mask_a": mask_a, "refined_a": jokr.refiner_a(mask_a, *posed_a),
        "kp_b": kp_b, "mask_b": mask_b, "refined_b": jokr.refiner_b(mask_b, *posed_b),
    }  # fmt: skip


def posed(jokr, frames, masks, keypoints):
    """What an `ExemplarRefiner` copies from: frames and masks, deformed to keypoints (B, K, 2)."""
    found = jokr.detector(jokr.view(frames, masks))[0]
    return torch.cat(deform(frames, masks, found, keypoints), 1)


def refiner_losses(seen, a, b, lpips, opt):
    """The weighted terms that the refiners minimise: docs/METHOD.md, section 5.

    `lpips` is None at weight 0. The domains' batches are of one size, so that the sum of two means
    is twice the mean of all.
    """
    pictures = torch.cat([seen["refined_a"], seen["refined_b"]])
    targets = torch.cat([a.frame, b.frame])
    perceptual = 2 * lpips(pictures, targets) if lpips else pictures.new_zeros(())
    return {
        "vgg_rec": opt.lambda_vgg * perceptual,
        "l1_rec": opt.lambda_l1 * 2 * l1(pictures, targets),
    }


def adversaries(seen, a, b, discriminators):
    """Arguments of the terms of `losses.adversarial` for A and for B."""
    discriminator_a, discriminator_b = discriminators
    yield discriminator_a, seen["refined_a"], a.frame, seen["mask_a"]
    yield discriminator_b, seen["refined_b"], b.frame, seen["mask_b"]


def build(opt, device):
    """Frozen detector and decoder in the reference's modes, refiners, and the refiners' optimiser.

    The detector stays in train mode: its batch norm uses each batch's statistics.
    """
    runtime.check_memory(opt, device, opt.bs // parallel.size())
    jokr = build_jokr(
        **options.network(opt),
        new_norm=opt.new_norm,
        exemplar=opt.exemplar,
        autocast=runtime.autocast_dtype(opt.precision, device),
    )
    jokr = runtime.channels_last(jokr.to(device), device)
    for frozen in (jokr.detector, jokr.shape_decoder):
        frozen.requires_grad_(False)
    jokr.shape_decoder.eval()
    jokr.detector.train()
    refiners = chain(jokr.refiner_a.parameters(), jokr.refiner_b.parameters())
    return jokr, Adam(refiners, lr=opt.g_lr, betas=(0.5, 0.999), fused=True)


def build_discriminators(opt, device):
    """`PatchDiscriminator` of A's and of B's pictures, and their optimiser."""
    both = nn.ModuleList(PatchDiscriminator(opt.ngf) for _ in "ab")
    both = runtime.channels_last(both.to(device), device)
    return both, Adam(both.parameters(), lr=opt.d_lr, betas=(0.5, 0.999), fused=True)


def compile_networks(opt, device, pairs, jokr, lpips, *_):
    """Compile, as `--compile` says, what a step spends its time in."""

    def losses():
        a, b, seen = look(jokr, pairs, 0)
        return refiner_losses(seen, a, b, lpips, opt)

    networks = [jokr.detector, jokr.shape_decoder, jokr.refiner_a, jokr.refiner_b, lpips]
    compile_step(opt, device, [network for network in networks if network], losses)


def look(jokr, pairs, iteration):
    """The batches of A and B of an iteration, and what `refine` makes of them."""
    a, b = pairs.batch(iteration)
    choices = [gallery.neighbours for gallery in jokr.galleries.values()]
    examples = pairs.companions(iteration, choices) if choices else None
    return a, b, refine(jokr, a, b, examples)


def train(jokr, lpips, g_opt, pairs, iteration, opt, scaler=None, discriminators=None, d_opt=None):
    """One iteration; returns dict of losses, the batches of A and B, dict of what was computed."""
    a, b, seen = look(jokr, pairs, iteration)
    terms, d_terms = refiner_losses(seen, a, b, lpips, opt), {}
    if discriminators:
        cases = list(adversaries(seen, a, b, discriminators))
        discriminators.requires_grad_(False)
        terms["gan"] = opt.lambda_gan * sum(realism(*case) for case in cases)
    step(g_opt, terms, scaler)
    if discriminators:
        discriminators.requires_grad_(True)
        d_terms = {"loss_d": sum(telling_apart(*case) for case in cases)}
        step(d_opt, d_terms)
    return {**terms, **d_terms}, a, b, seen


def load_lpips(opt, device):
    """LPIPS on `device`, from the file `--vgg_weights` or the cache; None at `--lambda_vgg 0`."""
    if not opt.lambda_vgg:
        return None
    from losses.perceptual import LPIPS  # slow to import, and needed only here

    state = weights.vgg16_state(opt.vgg_weights)
    lpips = LPIPS(state, runtime.autocast_dtype(opt.precision, device))
    return runtime.channels_last(lpips.to(device), device)


def main():
    asked, given = options.parse("train_second_stage", __doc__)
    device = runtime.start(asked.device, asked.precision, shared=True)
    with run_folder.hold(asked.out):
        run(asked, given, device)


def run(asked, given, device):
    """Train as it is asked, from stage one's networks or from where it was left."""
    path, state, goes_on, clear = run_folder.open_second_stage(
        asked.out, asked.resume, asked.load, asked.load_second_stage, asked.overwrite
    )
    opt = checkpoint.adopt(asked, given, path, state)

    runtime.seed(opt.seed)
    lpips = load_lpips(opt, device)
    jokr, g_opt = build(opt, device)
    jokr.detector.check_size(opt.resize_w, opt.resize_h)
    critics = build_discriminators(opt, device) if opt.lambda_gan else ()
    parts = {**checkpoint.networks(jokr), "g_opt2": g_opt, **dict(zip(("D", "d_opt2"), critics))}
    pairs = open_pairs(opt, device)
    learner = Learner(jokr, parts, opt, pairs, device)
    start = learner.resume(path, state, given) if goes_on else 0
    if not goes_on:
        checkpoint.restore_networks(path, state, jokr)
    if opt.exemplar:
        jokr.galleries = open_galleries(jokr, opt, device)
        learner.inference_networks.galleries = jokr.galleries
    del state  # the file under it may be replaced from now on
    compile_networks(opt, device, pairs, jokr, lpips)
    prepare_output(opt, given, clear, path if goes_on else None)

    with Run(opt, learner, start, pairs.epoch_length, device) as run:
        for iteration in run:
            terms, a, b, seen = train(
                jokr, lpips, g_opt, pairs, iteration, opt, learner.scaler, *critics
            )
            run.advance()
            run.watch(terms)
            if run.due(opt.print_loss):
                run.write(terms)
            if run.saves_images(opt.save_img):
                samples.second_stage_batch(run, a, b, seen)
            if run.saves_images(opt.eval_test):
                samples.second_stage_results(run, learner.inference_networks, pairs, asked.affine)
            if run.due(opt.save_check):
                run.save()


if __name__ == "__main__":
    errors.run(main)
