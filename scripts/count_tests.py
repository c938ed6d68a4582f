#!/usr/bin/env python3
"""Counts the outcomes in a JUnit file of ctest: prints the skipped tests' names, then "N passed, N failed, N skipped".

A test that could not be started counts as failed; skipped are those that said so, or are disabled. Exit 1 where any
failed, or none passed.
"""

import sys
import xml.etree.ElementTree

passed = failed = 0
skipped = []
for case in xml.etree.ElementTree.parse(sys.argv[1]).iter("testcase"):
    mark = case.find("skipped")
    if case.get("status") == "run":
        passed += 1
    elif case.get("status") == "disabled" or (mark is not None and mark.get("message", "").startswith("SKIP_")):
        skipped.append(case.get("name"))
    else:
        failed += 1
for name in skipped:
    print(f"skipped: {name}")
print(f"{passed} passed, {failed} failed, {len(skipped)} skipped")
sys.exit(1 if failed or not passed else 0)
