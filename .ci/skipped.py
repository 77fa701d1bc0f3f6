"""Print the files of a pytest report in which a test was skipped, but for those of `tests/docs`."""

import sys
from xml.etree import ElementTree

cases = ElementTree.parse(sys.argv[1]).iter("testcase")
files = {case.get("file", "") for case in cases if case.find("skipped") is not None}
print(*sorted(file for file in files if not file.startswith("tests/docs/")), sep="\n")
