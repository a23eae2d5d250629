"""Latency by percentile as an SVG picture, drawn by gnuplot."""

import os
import re
import subprocess
import tempfile

import hgrm

# A '%' in gnuplot's labels is written twice.
TICKS = ((0.5, '50 %%'), (0.9, '90 %%'), (0.99, '99 %%'), (0.999, '99.9 %%'), (0.9999, '99.99 %%'),
         (0.99999, '99.999 %%'))

# Told apart by people who do not see all colours (Okabe and Ito's set), and by their dashes; both
# stay a server's own through the whole report.
STYLES = (('#0072b2', 1), ('#d55e00', 1), ('#009e73', 2), ('#cc79a7', 3), ('#8a6d00', 4),
          ('#56b4e9', 5), ('#5c5c5c', 2), ('#000000', 3))
NEUTRAL = '#808080'


def style(index):
    return STYLES[index % len(STYLES)]


def curve(spectra):
    """Points (1/(1-share), median, least, most) over the spectra of one server's repetitions, as
    far as the one with the fewest answers goes."""
    last = min(spectrum.resolved() for spectrum in spectra)
    points = []
    for share in hgrm.grid():
        if share > last:
            break
        values = sorted(spectrum.at(share) for spectrum in spectra)
        points.append((1 / (1 - share), values[len(values) // 2], values[0], values[-1]))
    return points


def block(name, points):
    rows = '\n'.join(' '.join(f'{number:.6g}' for number in point) for point in points)
    return f'${name} << EOD\n{rows}\nEOD\n'


def plots(curves):
    """Bands first, so that no curve is hidden under another's."""
    bands, lines = [], []
    for i, (title, index, _) in enumerate(curves):
        colour, dash = style(index)
        bands.append(f"$d{i} using 1:3:4 with filledcurves fc rgb '{colour}' fs transparent "
                     "solid 0.15 noborder notitle")
        lines.append(f"$d{i} using 1:2 with lines lw 2.5 lc rgb '{colour}' dt {dash} "
                     f'title "{quoted(title)}"')
    return ', \\\n  '.join(bands + lines)


def quoted(text):
    """Inside gnuplot's double quotes."""
    return re.sub(r'["\\\n`]', ' ', text)


def script(curves):
    ticks = ', '.join(f"'{label}' {1 / (1 - share):.0f}" for share, label in TICKS)
    data = ''.join(block(f'd{i}', points) for i, (_, _, points) in enumerate(curves))
    return f'''set terminal svg size 880,400 dynamic font 'sans-serif,13'
set termoption noenhanced
set logscale x 10
set logscale y 10
set xrange [2:*]
set xtics ({ticks})
set format y '%.0f'
set ylabel 'latency, µs'
set grid xtics ytics lc rgb '{NEUTRAL}' lw 0.4 dt 3
set border 3 lc rgb '{NEUTRAL}'
set tics nomirror
set key top left reverse Left
{data}plot {plots(curves)}
'''


def latency(curves):
    """An <svg> element of curves, each (title, index of its style, points); '' without any. Raises
    OSError without gnuplot, and ValueError when it refuses."""
    curves = [entry for entry in curves if len(entry[2]) > 1]
    if not curves:
        return ''
    with tempfile.TemporaryDirectory(prefix='ringlet-report-') as home:
        path = os.path.join(home, 'curves.gp')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(script(curves))
        return inline(drawn(path))


def drawn(path):
    """What gnuplot draws by a script, on its standard output. Raises OSError without gnuplot, and
    ValueError when it refuses."""
    done = subprocess.run(['gnuplot', path], capture_output=True, text=True, check=False,
                          timeout=60)
    if done.returncode != 0:
        raise ValueError(f'gnuplot: {done.stderr.strip()}')
    return done.stdout


def inline(svg):
    """The element alone, without what gnuplot defines for points, without names that the next one
    on the page would have, too, and with the page's colour of text for black."""
    svg = svg[svg.index('<svg'):]
    svg = re.sub(r'<defs>.*?</defs>|<title>.*?</title>|<desc>.*?</desc>|<!--.*?-->', '', svg,
                 flags=re.DOTALL)
    svg = re.sub(r'\s(?:id|xmlns|xmlns:xlink)=(["\']).*?\1', '', svg)
    svg = re.sub(r'''(["'])(?:black|#000000)\1''', '"currentColor"', svg)
    return svg.replace('<svg', '<svg role="img" aria-label="latency by percentile"', 1)
