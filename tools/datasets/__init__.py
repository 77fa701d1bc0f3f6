"""Real data that is there without a network, as input events for a chip.

In: recordings that installed packages carry (extra `data`), each read from one file whose digest is
known. Out: a `Dataset` of event counts, split so that the test is honest.

To read in this order: `_registry.py`, which sets there are; `_dataset.py`, what a set is;
`_watch.py` and `_digits.py`, one set each: its labels, its split, its encoding. Recordings and
encoding are apart: `_watch_recordings.py` and `_digit_recordings.py` hand out the signals as they
were recorded, for any front end; `_cepstra.py` and `_events.py` encode digits.
`_prepare.py` brings signals to the rate and the numbers of a sensor, `_apply_frontend.py` sends
them through a front end of `xylograph.hw` (`_raster_cache.py`, `_fingerprint.py`: its cache).
`_package_file.py` finds and checks the files. `README.md` says where the data come from.

To add a set: a file for its recordings, a file for its encoding with a `DatasetInfo`, a row in
`_registry.py`, a row in `README.md`.
"""

from ._apply_frontend import FrontEnd as FrontEnd, apply_frontend as apply_frontend
from ._dataset import Dataset as Dataset, DatasetInfo as DatasetInfo, Split as Split
from ._digit_recordings import load_digit_recordings as load_digit_recordings
from ._motion_log import read_motion_log as read_motion_log
from ._prepare import prepare_recordings as prepare_recordings, resample as resample
from ._recordings import Recordings as Recordings
from ._registry import DATASETS as DATASETS, load_dataset as load_dataset
from ._speech import SPEECH as SPEECH, load_speech as load_speech
from ._watch_recordings import load_watch_recordings as load_watch_recordings
from ._wav import WavFolder as WavFolder, load_wav_folder as load_wav_folder, read_wav as read_wav

__all__ = [
    "DATASETS",
    "SPEECH",
    "Dataset",
    "DatasetInfo",
    "FrontEnd",
    "Recordings",
    "Split",
    "WavFolder",
    "apply_frontend",
    "load_dataset",
    "load_digit_recordings",
    "load_speech",
    "load_watch_recordings",
    "load_wav_folder",
    "prepare_recordings",
    "read_motion_log",
    "read_wav",
    "resample",
]
