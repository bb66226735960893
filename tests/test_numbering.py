"""Numbers of frames: evenly spread ones, and ranges in words."""

from utils.numbering import ranges, spread


def test_spread_takes_both_ends_and_no_number_twice():
    assert spread(9, 3) == [0, 4, 8]
    assert spread(3, 8) == [0, 1, 2]
    assert spread(1, 4) == [0]
    assert spread(0, 4) == []
    for count in range(2, 60):
        found = spread(count, 8)
        assert found == sorted(set(found))
        assert (found[0], found[-1], len(found)) == (0, count - 1, min(count, 8))


def test_ranges_in_words():
    assert ranges([9, 3, 4, 5]) == "3-5, 9"
    assert ranges([]) == ""
