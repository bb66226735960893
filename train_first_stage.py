"""Stage one: keypoints that both clips share, and either object's silhouette drawn from them."""

from utils import errors

errors.guard(__name__)

from utils import options

if __name__ == "__main__":  # --help and wrong options are answered before slow imports
    errors.run(options.parse, "train_first_stage", __doc__)

import torch

from engine import checkpoint, run_folder, samples
from engine.learner import Learner
from engine.loop import Run, compile_step, open_pairs, prepare_output, step
from engine.optimiser import Adam
from losses.confusion import confusion, discrimination
from losses.keypoints import equivariance, separation, silhouette, temporal, warp_frames
from losses.reconstruction import cross_entropy, shape
from models import DomainDiscriminator
from models.build import build_jokr
from models.registration import register
from utils import parallel, runtime

REGISTERED = 64  # silhouettes of each clip that registration compares


def detect_pair(jokr, batch):
    """Keypoints of frame and next frame, and the first frame's heatmap, by one detector call."""
    views = jokr.view(batch.frame, batch.mask), jokr.view(batch.next_frame, batch.next_mask)
    keypoints, heatmap = jokr.detector(torch.cat(views))
    return *keypoints.chunk(2), heatmap[: len(batch.frame)]


def generator_losses(jokr, discriminator, a, b, warp_a, warp_b, opt):
    """The weighted terms that detector, shape decoder and theta minimise (docs/METHOD.md, 4).

    Args:
        a, b: `Batch` of either domain; warp_a, warp_b: (B, 2, 3) random affine warps.
        opt: weights of the terms.

    Returns:
        dict of the terms; dict of what the sample pictures and the discriminator need.
    """
    kp_a, next_a, heatmap_a = detect_pair(jokr, a)
    kp_b, next_b, heatmap_b = detect_pair(jokr, b)
    size = a.frame.shape[2:]
    (mask_a, _), (_, mask_b) = jokr.decode_both(kp_a, kp_b, *size)
    view_a, view_b = jokr.view(a.frame, a.mask), jokr.view(b.frame, b.mask)
    warped_a, warped_b = warp_frames(view_a, warp_a), warp_frames(view_b, warp_b)
    warped_kp_a, warped_kp_b = jokr.detector(warped_a)[0], jokr.detector(warped_b)[0]
    aligned_b = jokr.to_a(kp_b)
    sill = silhouette(heatmap_a, a.mask) + silhouette(heatmap_b, b.mask)
    rec = shape(mask_a, a.mask) + shape(mask_b, b.mask)
    sep = separation(kp_a, opt.delta) + separation(kp_b, opt.delta)
    terms = {
        "loss_pred_a": opt.lambda_pred * temporal(kp_a, next_a, opt.new_alpha),
        "loss_pred_b": opt.lambda_pred * temporal(kp_b, next_b, opt.new_alpha),
        "l2_rec": opt.lambda_l2 * rec,
        "loss_eq_a": opt.lambda_eq * equivariance(kp_a, warped_kp_a, warp_a),
        "loss_eq_b": opt.lambda_eq * equivariance(kp_b, warped_kp_b, warp_b),
        "loss_sep": opt.lambda_sep * sep,
        "loss_disc": opt.lambda_disc * confusion(discriminator, kp_a, aligned_b),
        "loss_sill": opt.lambda_sill * sill,
    }
    if opt.lambda_bce:
        bce = cross_entropy(mask_a, a.mask) + cross_entropy(mask_b, b.mask)
        terms["bce_rec"] = opt.lambda_bce * bce
    seen = {
        "kp_a": kp_a, "next_a": next_a, "warped_a": warped_a, "warped_kp_a": warped_kp_a,
        "kp_b": kp_b, "next_b": next_b, "warped_b": warped_b, "warped_kp_b": warped_kp_b,
        "mask_a": mask_a, "mask_b": mask_b, "aligned_b": aligned_b,
    }  # fmt: skip
    return terms, seen


def discriminator_losses(discriminator, kp_a, aligned_b):
    """The terms that the discriminator minimises, on keypoints from before the generators' step.

    Returns:
        dict of the terms; dict of the first items' scores.
    """
    loss_a, loss_b, score_a, score_b = discrimination(discriminator, kp_a, aligned_b)
    return {"loss_d_a": loss_a, "loss_d_b": loss_b}, {"disc_A": score_a[0], "disc_B": score_b[0]}


def build(opt, device):
    """Networks and the two optimisers, the generators' parameters in the reference's order."""
    runtime.check_memory(opt, device, opt.bs // parallel.size())
    dtype = runtime.autocast_dtype(opt.precision, device)
    jokr = build_jokr(**options.network(opt), autocast=dtype)
    jokr = runtime.channels_last(jokr.to(device), device)
    if opt.registered_affine:
        if not jokr.affine:
            raise errors.UserError("--registered_affine finds the map of --affine; add --affine")
        jokr.affine.requires_grad_(False)
    discriminator = DomainDiscriminator(opt.num_kp).to(device)
    generators = [*jokr.shape_decoder.parameters(), *jokr.detector.parameters()]
    if jokr.affine:
        generators.append(jokr.affine.theta)
    g_opt = Adam(generators, lr=opt.g_lr, betas=(0.5, 0.999), fused=True)
    d_opt = Adam(discriminator.parameters(), lr=opt.d_lr, betas=(0.5, 0.999), fused=True)
    return jokr, discriminator, g_opt, d_opt


def lay_over(jokr, pairs):
    """Give the affine map the theta that registration of the clips' silhouettes finds."""
    (_, masks_a), (_, masks_b) = pairs.stills(REGISTERED)
    jokr.affine.theta.data.copy_(register(masks_a, masks_b))


def compile_networks(opt, device, pairs, jokr, discriminator, *_):
    """Compile, as `--compile` says, what a step spends its time in."""

    def losses():
        a, b = pairs.batch(0)
        return generator_losses(jokr, discriminator, a, b, *pairs.warps(0), opt)[0]

    compile_step(opt, device, [jokr.detector, jokr.shape_decoder], losses)


def train(jokr, discriminator, g_opt, d_opt, pairs, iteration, opt, scaler=None):
    """One iteration.

    Returns:
        dict of all losses; dict of the discriminator's scores; the batches of A and B; dict of
        what the sample pictures need.
    """
    a, b = pairs.batch(iteration)
    warps = pairs.warps(iteration)
    terms, seen = generator_losses(jokr, discriminator, a, b, *warps, opt)
    step(g_opt, terms, scaler)
    d_terms, scores = discriminator_losses(discriminator, seen["kp_a"], seen["aligned_b"])
    step(d_opt, d_terms)
    return {**terms, **d_terms}, scores, a, b, seen


def main():
    asked, given = options.parse("train_first_stage", __doc__)
    device = runtime.start(asked.device, asked.precision, shared=True)
    with run_folder.hold(asked.out):
        run(asked, given, device)


def run(asked, given, device):
    """Train as it is asked, from the beginning or from where it was left."""
    source, clear = run_folder.starting_point(asked.out, asked.resume, asked.load, asked.overwrite)
    state = checkpoint.load(source, stage=1) if source else None
    opt = checkpoint.adopt(asked, given, source, state) if source else asked

    runtime.seed(opt.seed)
    networks = jokr, discriminator, g_opt, d_opt = build(opt, device)
    jokr.detector.check_size(opt.resize_w, opt.resize_h)
    parts = {"Disc": discriminator, "g_opt": g_opt, "d_opt": d_opt}
    pairs = open_pairs(opt, device)
    learner = Learner(jokr, {**checkpoint.networks(jokr), **parts}, opt, pairs, device)
    if opt.registered_affine and not source:
        lay_over(jokr, pairs)
    start = learner.resume(source, state, given) if source else 0
    del state  # the file under it may be replaced from now on
    compile_networks(opt, device, pairs, *networks)
    prepare_output(opt, given, clear, source)

    with Run(opt, learner, start, pairs.epoch_length, device) as run:
        for iteration in run:
            terms, scores, a, b, seen = train(*networks, pairs, iteration, opt, learner.scaler)
            run.advance()
            run.watch(terms)
            if run.due(opt.print_loss):
                run.write({**terms, **scores}, jokr.affine)
            if run.saves_images(opt.save_img):
                samples.first_stage_batch(run, a, b, seen)
            if run.saves_images(opt.save_img) or run.saves_images(opt.eval_test):
                samples.first_stage_results(run, learner.inference_networks, pairs, asked.affine)
            if run.due(opt.save_check):
                run.save()


if __name__ == "__main__":
    errors.run(main)
