"""Every option, declared once in groups that the scripts compose; defaults are the reference's."""

from dataclasses import replace

from utils.arguments import flag, option, unused
from utils.domains import DIRECTIONS
from utils.kinds import (
    blocks,
    channels,
    count,
    downscale,
    fraction,
    frames_or_all,
    integer,
    keypoints,
    natural,
    nonnegative,
    padding,
    path,
    pixels,
    pixels_or_none,
    place,
    portion,
    positive,
    rate_or_none,
    seconds,
    shown_rate,
    strength,
)

NORMS = ("instance", "batch", "none")

CLIPS = (
    option("root_a", path, "", "mask folder of clip A, .../train_seg/; frames lie in .../train/"),
    option("root_b", path, "", "mask folder of clip B"),
    option("ext_a", path, ".jpg", "file extension of clip A's frames and masks"),
    option("ext_b", path, ".jpg", "file extension of clip B's frames and masks"),
    option("prefix_a", path, "", "what stands before the number in clip A's file names"),
    option("prefix_b", path, "", "what stands before the number in clip B's file names"),
    option("pad_factor_a", padding, 0.2, "black added to each side of A, share of its size"),
    option("pad_factor_b", padding, 0.2, "black added to each side of B, share of its size"),
    option("resize_w", pixels, 256, "width of the networks' pictures, pixels"),
    option("resize_h", pixels, 256, "height of the networks' pictures, pixels"),
    flag("hflip", "mirror every training item of A, and none of B", opposite="no_hflip"),
    unused("resize", bool, True, opposite="no_resize"),
    unused("no_mask", bool, False),
)

RUN = (
    option("out", place, "out", "folder for everything this run writes"),
    option("load", path, "", "checkpoint to read"),
    option("device", str, "auto", "auto, cpu, cuda, cuda:N or mps; auto takes what is there"),
    option("seed", natural, 0, "seed of every random draw"),
    option(
        "precision",
        str,
        "auto",
        "of generators and VGG; auto is bf16 on NVIDIA GPUs that have it, fp16 on V100 and T4, "
        "else fp32, and only that keeps TF32 out of convolutions",
        ("auto", "fp32", "bf16", "fp16"),
    ),
)

NETWORKS = (
    option("num_kp", keypoints, 10, "number of keypoints"),
    option("scale_kp", downscale, 0.25, "downscale of the keypoint detector's input"),
    flag("strong_kp", "ResNet-9 keypoint detector instead of the hourglass"),
    option("kp_width", channels, 32, "channels of the hourglass detector; 32 is the reference"),
    option("ngf", channels, 64, "channels after the generators' first convolution"),
    option("blocks", blocks, 9, "residual blocks of every generator; 9 is the reference"),
    option("norm", str, "instance", "norm of shape decoder and strong detector", NORMS),
    flag(
        "no_dropout",
        "no dropout in the generators (the reference trains with it)",
        opposite="dropout",
    ),
    option(
        "init_type", str, "normal", "first weights", ("normal", "xavier", "kaiming", "orthogonal")
    ),
    option("init_gain", positive, 0.02, "spread of the first weights"),
    flag("affine", "align the domains by the affine map"),
    flag("item_stats", "train the detector with each picture's own statistics, not the batch's"),
    flag("sees_masks", "the keypoint detector sees silhouettes, not pictures"),
    replace(
        option("netG", str, "resnet_9blocks_double", "", ("resnet_9blocks_double",)), unused=True
    ),
    unused("input_nc", integer, 3),
    unused("output_nc", integer, 3),
    unused("ndf", integer, 64),
    unused("bottleneck", integer, 512),
)

REFINERS = (
    option("new_norm", str, "instance", "norm of the refiners", NORMS),
    flag("exemplar", "refiners see a real frame, deformed to the pose, and copy what fits"),
)

TRAINING = (
    option("bs", count, 8, "items of each clip per iteration, over all processes"),
    option(
        "compile",
        str,
        "auto",
        "compile the networks first (a minute); auto does on NVIDIA GPUs",
        ("auto", "on", "off"),
    ),
    option("iters", count, 45001, "iterations in all, those before a --resume included"),
    option("epoch", count, 200000, "epochs at most"),
    option("minutes", nonnegative, 0.0, "to train, not --iters; 0: off; not exactly reproducible"),
    flag("processor_time", "minutes are of the CPU's time, all threads together; for a busy CPU"),
    option("stop_after", nonnegative, 0.0, "minutes until this call pauses, for --resume; 0: off"),
    option("augment", strength, 1.0, "strength of the random transforms; 0: none"),
    option("g_lr", positive, 1e-4, "learning rate of the networks"),
    option("d_lr", positive, 1e-4, "learning rate of the discriminator"),
    option("lr_decay", fraction, 0.0, "last share of the training over which the rates fall to 0"),
    option("lr_warmup", fraction, 0.0, "first share of the training over which the rates rise"),
    option("ema", fraction, 0.0, "infer with weights averaged at this decay, as 0.99; 0: off"),
    option("save_img", count, 2500, "iterations between sample pictures"),
    option("eval_test", count, 2500, "iterations between retargeted samples"),
    option("print_loss", count, 200, "iterations between entries of the loss log"),
    option("save_check", count, 15000, "iterations between checkpoints"),
    flag("resume", "go on from the newest checkpoint in --out, or start where there is none"),
    flag("overwrite", "begin anew in an --out that holds checkpoints; they are removed"),
)

FIRST_STAGE = (
    option("lambda_l2", nonnegative, 20.0, "weight of the silhouettes' squared error"),
    option("lambda_bce", nonnegative, 0.0, "weight of the silhouettes' binary cross entropy"),
    option("lambda_eq", nonnegative, 2.0, "weight of equivariance under affine warps"),
    option("lambda_sep", nonnegative, 1.0, "weight of keypoint separation"),
    option("lambda_pred", nonnegative, 10.0, "weight of steadiness between neighbouring frames"),
    option("lambda_disc", nonnegative, 0.005, "weight of domain confusion"),
    option("lambda_sill", nonnegative, 10.0, "weight of keypoints lying on the object"),
    option("delta", nonnegative, 0.1, "squared distance below which two keypoints repel"),
    option("new_alpha", nonnegative, 13.0, "factor inside the steadiness term"),
    flag("registered_affine", "find theta of --affine by laying silhouettes over each other"),
)

SECOND_STAGE = (
    option("bs", count, 4, "items of each clip per iteration, over all processes"),
    option("iters", count, 30001, "iterations in all, those before a --resume included"),
    option("lambda_l1", nonnegative, 1.0, "weight of the pictures' absolute error"),
    option("lambda_vgg", nonnegative, 10.0, "weight of LPIPS; 0 needs no VGG16 weights"),
    option("lambda_gan", nonnegative, 0.0, "weight of patch discriminators and their features"),
    option(
        "vgg_weights", path, "", "file of torchvision's VGG16 weights; else the TORCH_HOME cache"
    ),
    flag("load_second_stage", "--load names a checkpoint of this stage to go on from"),
    unused("lambda_sill", nonnegative, 10.0),
    unused("save_test_img", integer, 10),
    unused("ext", str, ".jpg"),
)

ALIGNMENT = (
    option(
        "align",
        str,
        "theta",
        "what moves keypoints to the other object: theta, or the clips' mean poses and theta's "
        "linear part about them",
        ("theta", "means"),
    ),
)

INFERENCE = (
    option(
        "data_size", frames_or_all, -1, "frames of each clip, wrapping round a shorter one; -1: all"
    ),
    option("bs", count, 1, "frames per pass; results depend on it by 16-bit rounding at most"),
    option(
        "w",
        pixels_or_none,
        0,
        "width of pictures, pixels; 0: in proportion to --h, both 0: as computed",
    ),
    option(
        "h",
        pixels_or_none,
        0,
        "height of pictures, pixels; 0: in proportion to --w, both 0: as computed",
    ),
    flag("splitted", "one file per picture instead of labelled sheets"),
    option("direction", str, "both", "who drives: ab is A, ba is B", tuple(DIRECTIONS)),
    option(
        "render",
        str,
        "refiner",
        "what results are made of: silhouettes that a refiner paints, or real frames of the target "
        "(lookup), for which a checkpoint of stage one will do",
        ("refiner", "lookup"),
    ),
    option("deform", portion, 0.5, "share of the way to the driver's pose, for --render lookup"),
    flag("restore", "final_*: results in size and place in the driver's whole frames"),
    option(
        "background",
        str,
        "none",
        "final_*: none (black), a colour, a picture file, or with --restore the driver's scene: "
        "driver",
    ),
    flag("alpha", "final_*: PNG with the silhouette as alpha"),
    option("smooth", seconds, 0.0, "steady keypoints over so many seconds, without delay"),
    option(
        "fps",
        rate_or_none,
        0.0,
        "frames per second, for --smooth; 0: as prepare_data.py noted, else 25",
    ),
    option("keypoints_out", path, "", "write keypoints into this .npz or .json file"),
    option(
        "keypoints_in", path, "", "draw from the keypoints in this file, as --keypoints_out wrote"
    ),
    unused("g_lr", positive, 1e-4),
    unused("d_lr", positive, 1e-4),
    unused("gan_mode", str, "lsgan"),
)

# Beside those of inference.py, by which an export is drawn.
EDITING = (
    option("out", path, "", "folder of edits and exports; edited_ab, of a run in its folder"),
    option("direction", str, "ab", "who drives: ab is A, ba is B", ("ab", "ba")),
    option("render", str, "refiner", "what results are made of", ("refiner",)),
    option("keypoints", path, "", "begin with the keypoints in this file, not with detected ones"),
    option("smooth", seconds, 0.0, "begin with keypoints that are smoothed over so many seconds"),
    option("fps", rate_or_none, 0.0, "frames per second; 0: as prepare_data.py noted, else 25"),
    flag("overwrite", "drop the edits in --out and begin anew"),
    option("host", str, "127.0.0.1", "address of this machine at which the page is served"),
    flag("allow_remote", "let others in who learn the page's address, where --host lets them"),
)

EVALUATION = (
    option("out", place, "evaluation", "folder for everything that is measured"),
    option("truth", path, "", "folder of a drawn pair's truth, .../truth; empty: there is none"),
    option("bs", count, 16, "frames per pass; results depend on it by 16-bit rounding at most"),
    option("delta", nonnegative, 0.1, "squared distance below which two keypoints count as near"),
    option("vgg_weights", path, "", "file of torchvision's VGG16 weights, for LPIPS"),
    option("inception_weights", path, "", "file of torchvision's Inception v3 weights, for KID"),
    flag("raw", "leave a checkpoint's averaged weights aside", opposite="averaged"),
    flag("report", "write report.html, a page with videos, tracks, plots and numbers"),
    option("fps", shown_rate, 12.0, "frames per second of the page's videos"),
)
