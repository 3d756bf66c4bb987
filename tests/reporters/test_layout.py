"""Where the nodes of a graph stand."""

import random
from itertools import pairwise

import pytest

from losscheck.reporters.html.layout import lay_out


def test_a_chain_is_one_column():
    layout = lay_out([50.0, 90.0, 50.0], [(0, 1), (1, 2)], 10.0)

    assert layout.x == (45.0, 45.0, 45.0)
    assert layout.row == (0, 1, 2)
    assert (layout.width, layout.rows) == (90.0, 3)


def test_two_branches_stand_side_by_side_below_their_source():
    layout = lay_out([40.0, 40.0, 40.0, 40.0], [(0, 1), (0, 2), (1, 3), (2, 3)], 10.0)

    assert layout.row == (0, 1, 1, 2)
    assert abs(layout.x[1] - layout.x[2]) == pytest.approx(50.0)
    assert layout.x[0] == layout.x[3] == pytest.approx((layout.x[1] + layout.x[2]) / 2)


def test_an_edge_over_several_rows_goes_round_the_nodes_between():
    layout = lay_out([40.0, 40.0, 40.0], [(0, 1), (1, 2), (0, 2)], 10.0)

    ((x, row),) = layout.bends[0, 2]
    assert row == 1
    assert abs(x - layout.x[1]) >= 25.0
    assert layout.bends[0, 1] == ()


@pytest.mark.parametrize("seed", range(20))
def test_no_two_nodes_overlap_and_all_lie_inside(seed):
    dice = random.Random(seed)
    count = dice.randint(2, 40)
    edges = [(dice.randrange(node), node) for node in range(1, count)]
    edges += [tuple(sorted(dice.sample(range(count), 2))) for _ in range(count // 2)]
    widths = [dice.uniform(20, 200) for _ in range(count)]

    layout = lay_out(widths, list(dict.fromkeys(edges)), 12.0)

    assert all(layout.row[source] < layout.row[target] for source, target in edges)
    spans = sorted(
        (layout.row[n], layout.x[n] - widths[n] / 2, layout.x[n] + widths[n] / 2) for n in range(count)
    )
    for (row, _, end), (other, start, _) in pairwise(spans):
        assert row != other or end + 12.0 <= start + 1e-6
    assert min(start for _, start, _ in spans) >= -1e-6
    assert max(end for _, _, end in spans) <= layout.width + 1e-6
