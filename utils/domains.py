"""Names of the two domains, "a" and "b", and of the pairs of one's motion and the other's looks."""

OTHER = {"a": "b", "b": "a"}
PAIR = {"a": "ab", "b": "ba"}  # by the domain that drives: whose motion, whose looks
DIRECTIONS = {"ab": "a", "ba": "b", "both": "ab"}  # which domains drive
