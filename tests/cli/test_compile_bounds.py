"""What bounds a compile: --timeout, limits, and modules whose code is made in the simple way or in shares."""

import json
import pathlib
import sys
import unittest

import support

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "compile_shapes"))
import shapes  # noqa: E402
from wasm import *  # noqa: E402, F403

GUARD = pathlib.Path(__file__).resolve().parents[2] / "examples/guards/repo-guard-rust.wasm"


@unittest.skipUnless(support.HAS_COMPILER, "there is no compiler")
class Bounds(support.CacheTest if hasattr(support, "CacheTest") else unittest.TestCase):
    pass
