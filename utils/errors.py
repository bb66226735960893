"""A user's mistake: one sentence and exit code 2, never a traceback."""

import os
import sys


class UserError(Exception):
    """Something the user can put right; its text names what was found and what to do.

    Args:
        text: the sentence.
        alone: of several processes perhaps just this one meets it.
    """

    def __init__(self, text, alone=False):
        super().__init__(text)
        self.alone = alone


def run(main, *arguments):
    """Call `main(*arguments)`; a user's mistake ends the process with code 2 and one line.

    Any other exception is a programming error and keeps its traceback. A second Ctrl-C, or one
    outside a training loop, ends with code 130 as shells expect.
    """
    try:
        main(*arguments)
    except UserError as error:
        # What all processes meet, one of each host says.
        if error.alone or os.environ.get("LOCAL_RANK", "0") == "0":
            print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output left (`... | head`); Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
