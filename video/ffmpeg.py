"""The bundled ffmpeg as a command."""

import signal

from utils.errors import UserError


def quiet():
    """The beginning of a command line of ffmpeg that says errors only, a list of strings."""
    import imageio_ffmpeg  # machines that only train may lack it

    return [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error"]


def failure(path, messages, code):
    """`UserError` of a file that ffmpeg could not write, with what it said (bytes) or its code."""
    if code < 0:  # systems without such signals know no such codes either
        name = signal.Signals(-code).name
        limit = ", so files may not be that large (ulimit -f)" if name == "SIGXFSZ" else ""
        return UserError(f"{path} could not be written; ffmpeg was ended by {name}{limit}")
    said = messages.decode(errors="replace").split("\n")[0].strip()
    said = said or f"nothing, and ended with code {code}"
    return UserError(f"{path} could not be written; ffmpeg says: {said}")
