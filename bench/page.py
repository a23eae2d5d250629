"""The pieces of a page: text escaped, tables, bars, folded sections."""

import html

STYLE = '''
:root { color-scheme: light dark; --ink: #1b1b1b; --paper: #fff; --faint: #666; --line: #ddd; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e6e6; --paper: #161616; --faint: #a0a0a0; --line: #3a3a3a; } }
@media print { :root { --ink: #000; --paper: #fff; --faint: #444; --line: #bbb; }
  section { break-inside: avoid; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.6rem; margin: .5rem 0; } h2 { font-size: 1.25rem; margin: 2.5rem 0 .5rem;
  border-top: 1px solid var(--line); padding-top: 1rem; }
h3 { font-size: 1rem; margin: 1.5rem 0 0; }
table { border-collapse: collapse; font-size: .9rem; } .wide { overflow-x: auto; }
th, td { padding: .2rem .7rem .2rem 0; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums; }
th:first-child, td:first-child { text-align: left; white-space: normal;
  min-width: 9rem; }
td:last-child { text-align: left; } th { font-weight: 600; vertical-align: bottom; }
.note { color: var(--faint); font-size: .9rem; margin: .3rem 0; }
.bar { float: left; height: .7em; border-radius: 2px; min-width: 1px; }
.dot { display: inline-block; width: .7em; height: .7em; border-radius: 50%; margin-right: .4em; }
.ahead { font-weight: 600; } svg { width: 100%; height: auto; } pre { overflow-x: auto;
  font-size: .8rem; background: color-mix(in srgb, var(--ink) 6%, transparent); padding: .7rem; }
details { margin: .4rem 0; } summary { cursor: pointer; }
'''


def text(value):
    return html.escape(str(value))


def note(sentence):
    return f'<p class="note">{text(sentence)}</p>'


def table(head, rows):
    """Cells are markup; the head is text."""
    lines = ['<div class="wide"><table><thead><tr>'
             + ''.join(f'<th>{text(cell)}</th>' for cell in head) + '</tr></thead><tbody>']
    for row in rows:
        lines.append('<tr>' + ''.join(f'<td>{cell}</td>' for cell in row) + '</tr>')
    return '\n'.join(lines) + '</tbody></table></div>'


def dot(colour):
    return f'<span class="dot" style="background:{colour}"></span>'


def bar(share, colour):
    return f'<span class="bar" style="width:{6 * share:.2f}rem;background:{colour}"></span>'


def folded(title, content):
    return f'<details><summary>{text(title)}</summary>{content}</details>'


def pre(content):
    return f'<pre>{text(content)}</pre>'


def whole(title, body):
    return (f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<title>{text(title)}</title><style>{STYLE}</style></head>\n<body>\n{body}\n'
            '</body></html>\n')
