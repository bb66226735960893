"""What the parameters of an address say."""

import re

from starlette.exceptions import HTTPException


def number_below(text, count):
    """The number from 0 to `count` - 1 that `text` is, as Python writes it.

    Raises:
        HTTPException: 404, it is none of these.
    """
    if not re.fullmatch("0|[1-9][0-9]{0,8}", text) or int(text) >= count:
        raise HTTPException(404)
    return int(text)
