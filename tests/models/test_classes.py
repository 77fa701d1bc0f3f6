from pathlib import Path

from xylograph.models import JaxModule, LIFJax, Sequential, kaiming
from xylograph.models._classes import find_class, public_path


def test_our_classes_go_by_the_packages_name() -> None:
    assert public_path(LIFJax) == "xylograph.models:LIFJax"
    assert public_path(kaiming) == "xylograph.models:kaiming"
    assert find_class("xylograph.models:LIFJax") is LIFJax
    assert find_class("xylograph.models:JaxSequential") is Sequential


def test_classes_of_others_go_by_their_module() -> None:
    class Net(JaxModule):
        pass

    path = public_path(Net)
    assert path == f"{__name__}:{Net.__qualname__}"
    assert find_class(path) is Net


def test_the_last_definition_counts() -> None:
    def define() -> type[JaxModule]:
        class Net(JaxModule):
            pass

        return Net

    first, second = define(), define()
    assert find_class(public_path(first)) is second


def test_what_is_no_module_class_is_not_found() -> None:
    for path in ("xylograph.models:Fill", "xylograph.models:nothing", "nowhere:Net", "", ":", "x"):
        assert find_class(path) is None
    assert find_class(f"{Path.__module__}:Path") is None
