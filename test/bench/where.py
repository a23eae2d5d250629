"""Puts the scripts of bench/ on the path of the tests beside this file."""

import pathlib
import sys

TREE = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(TREE / 'bench'), str(TREE / 'test' / 'blackbox')]
