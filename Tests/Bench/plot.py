"""Distributions as SVG: a strip for each case, a dot for each run, a bar at the median."""

from xml.sax.saxutils import escape

COLOURS = {"floor": "#888888", "apus": "#d62728", "crun": "#1f77b4", "runc": "#2ca02c"}
OTHERS = ("#9467bd", "#ff7f0e", "#17becf", "#8c564b")
WIDTH, LEFT, RIGHT, LANE, GAP, TOP = 960, 210, 30, 16, 30, 24


def colour(name, extra):
    return COLOURS.get(name) or OTHERS[extra.index(name) % len(OTHERS)]


def shown(values):
    """Some hundred of them, evenly taken in order of size, without the slowest hundredth, which would set the scale."""
    values = sorted(values)
    values = values[:max(1, int(len(values) * 0.99))]
    step = max(1, len(values) // 100)
    return values[::step]


def svg(figures, title):
    groups = [(key, group) for key, group in figures.groups().items() if group[0].unit == "ms" and "processor time" not in key[0] and max(len(s.values) for s in group) > 2]
    extra = sorted({s.runtime for _, group in groups for s in group} - set(COLOURS))
    parts, y = [], TOP + 16
    for (case, bundle), group in groups:
        most = max(shown(s.values)[-1] for s in group) or 1
        scale = (WIDTH - LEFT - RIGHT) / most
        parts.append(f'<text x="8" y="{y + 4}" font-weight="bold">{escape(f"{case}, {bundle}")}</text>')
        parts.append(f'<text x="{WIDTH - RIGHT}" y="{y + 4}" text-anchor="end" fill="#555">{most:.2f} ms</text>')
        y += 10
        for s in group:
            middle, paint = y + LANE / 2, colour(s.runtime, extra)
            parts.append(f'<text x="{LEFT - 8}" y="{middle + 4}" text-anchor="end">{escape(s.runtime)} {s.median:.2f}</text>')
            parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{middle}" y2="{middle}" stroke="#eee"/>')
            # Dots off the line by turns, so that a crowd of them is seen as one; a line of no length has a round end.
            dots = "".join(f"M{LEFT + v * scale:.1f} {middle + (i * 7 % 11 - 5):.0f}h0" for i, v in enumerate(shown(s.values)))
            parts.append(f'<path d="{dots}" stroke="{paint}" stroke-width="3.2" stroke-linecap="round" stroke-opacity="0.45"/>')
            x = LEFT + min(s.median, most) * scale
            parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y}" y2="{y + LANE}" stroke="{paint}" stroke-width="3"/>')
            y += LANE
        y += GAP
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" font-family="sans-serif" font-size="12">',
                      f'<rect width="{WIDTH}" height="{y}" fill="white"/>',
                      f'<text x="8" y="{TOP - 6}" font-size="15">{escape(title)}</text>', *parts, "</svg>", ""])
