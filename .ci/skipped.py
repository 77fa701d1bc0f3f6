"""Print the files of a pytest report in which something was skipped; of pages, the single tests."""

import sys
from xml.etree import ElementTree

PAGES = "tests/docs/test_pages.py"

cases = ElementTree.parse(sys.argv[1]).iter("testcase")
skipped = {
    (case.get("file", ""), case.get("name")) for case in cases if case.find("skipped") is not None
}
# Pages take long, and none looks at what another one has; other tests of a file may.
print(*sorted({f"{file}::{name}" if file == PAGES else file for file, name in skipped}), sep="\n")
