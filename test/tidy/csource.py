"""A C file as tidy.py sees it: lines, directives, and the declarations at its top level.

No compiler: comments and literals are blanked out, and what is left is cut at the semicolons and
braces of depth 0. That is enough for code that keeps the house's style.
"""

import pathlib
import re

TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
DIRECTIVE = re.compile(r'^[ ]*#[ ]*(\w+)[ ]*(.*)')
ATTRIBUTE = re.compile(r'__attribute__\s*\(\(.*?\)\)')


def blanked(text):
    """The code alone: comments and what is inside literals become spaces, lines stay."""
    def blank(match):
        token = match[0]
        if token[0] in '"\'':
            return token[0] + ' ' * (len(token) - 2) + token[0]
        return re.sub(r'[^\n]', ' ', token)
    return TOKEN.sub(blank, text)


class Item:
    """One declaration or definition of the top level. `text` has `{}` for each body."""

    def __init__(self, code, start, end, text):
        self.code = code
        self.start = start
        self.end = end
        self.text = ATTRIBUTE.sub('', ' '.join(text.split())).strip()
        self.line = code.count('\n', 0, start) + 1

    def is_function(self):
        return self.text.endswith(') {}') and '=' not in self.text.split('(')[0]

    def is_prototype(self):
        return (self.text.endswith(')') and not self.is_assertion()
                and not self.text.startswith('typedef') and not self.is_pointer_to_function()
                and '=' not in self.text)

    def is_assertion(self):
        return re.match(r'(_Static_assert|static_assert)\b', self.text) is not None

    def is_pointer_to_function(self):
        return re.search(r'\(\s*\*', self.text.split('=')[0]) is not None

    def is_mutable_variable(self):
        if (self.is_function() or self.is_prototype() or self.is_assertion()
                or self.text.startswith('typedef')):
            return False
        declared = self.text.split('=')[0].strip()
        if re.fullmatch(r'(struct|union|enum)\b\s*\w*\s*(\{\})?', declared):
            return False
        declared = re.sub(r'\[[^]]*\]', '', declared)
        if self.is_pointer_to_function():
            return re.search(r'\(\s*\*\s*const\b', declared) is None
        if '*' in declared:
            return re.match(r'\s*const\b', declared.rsplit('*', 1)[1]) is None
        return re.search(r'\bconst\b', declared) is None

    def length(self):
        return self.code.count('\n', self.start, self.end) + 1

    def body_lines(self):
        """(number, line) of what lies between the braces."""
        first = self.code.index('{', self.start)
        number = self.code.count('\n', 0, first) + 1
        for line in self.code[first:self.end].split('\n'):
            yield number, line
            number += 1


class Source:
    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.code = blanked(text) if path.endswith(('.c', '.h')) else text
        self.in_src = path.startswith('src/')
        self.room = path.split('/')[1] if self.in_src and path.count('/') > 1 else None

    def lines(self):
        return enumerate(self.text.removesuffix('\n').split('\n'), 1)

    def code_lines(self):
        return enumerate(self.code.split('\n'), 1)

    def directives(self):
        for number, line in self.code_lines():
            match = DIRECTIVE.match(line)
            if match:
                yield number, match[1], match[2].strip()

    def includes(self):
        """(line, name, is it quoted)"""
        for number, line in self.lines():
            match = re.match(r'\s*#\s*include\s*([<"])([^>"]*)[>"]', line)
            if match:
                yield number, match[2], match[1] == '"'

    def guard(self):
        """The name of a header's guard, when its first two directives make one."""
        found = list(self.directives())[:2]
        if (self.path.endswith('.h') and len(found) == 2 and found[0][1] == 'ifndef'
                and found[1][1] == 'define' and found[0][2] == found[1][2]):
            return found[0][2]
        return None

    def guard_names(self):
        parts = pathlib.PurePath(self.path).parts
        name = re.sub(r'\W', '_', parts[-1]).upper()
        room = parts[1].upper() if len(parts) > 2 else ''
        if self.in_src:
            return [f'{room}_{name}']
        if parts[0] == 'include':
            return [name]
        return [f'{parts[0].upper()}_{name}', f'{room}_{name}', f'{parts[0].upper()}_{room}_{name}']

    def top_level(self):
        """The Items of the file, without preprocessor lines."""
        code = re.sub(r'^[ ]*#(?:[^\n]*\\\n)*[^\n]*', lambda m: re.sub(r'[^\n]', ' ', m[0]),
                      self.code, flags=re.M)
        depth, start, kept = 0, None, ''
        for at, char in enumerate(code):
            if start is None and not char.isspace() and char != ';':
                start, kept = at, ''
            if start is None:
                continue
            if char == '{':
                depth += 1
                if depth == 1:
                    kept += ' {}'
                continue
            if char == '}':
                depth -= 1
                if depth == 0 and Item(code, start, at, kept).is_function():
                    yield Item(code, start, at, kept)
                    start = None
                continue
            if depth:
                continue
            if char == ';':
                yield Item(code, start, at, kept)
                start = None
            else:
                kept += char

    def functions(self):
        return [item for item in self.top_level() if item.is_function()]

    def paragraph_has_comment(self, line):
        """Does a comment stand directly above, or above the declarations directly above?"""
        lines = self.text.split('\n')
        at = line - 2
        while at >= 0 and lines[at].strip():
            if '*/' in lines[at] or lines[at].lstrip().startswith('//'):
                return True
            at -= 1
        return False
