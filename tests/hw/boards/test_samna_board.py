"""`SamnaBoard` against a double of the vendor's software: each call, each field, their order."""

import importlib.metadata
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from board_cases import assert_same, expected, live_record, random_config, random_raster
from samna_double import Log, SamnaDouble

from xylograph.hw import (
    BoardBusyError,
    BoardDataError,
    BoardError,
    BoardFirmwareError,
    BoardLostError,
    BoardNotFoundError,
    BoardRefusedError,
    BoardTimeoutError,
    Fault,
    IMUIFSim,
    SamnaBoard,
    XyloConfig,
    find_boards,
    from_samna,
    samna_fields,
    to_samna,
)

CHIPS = ("SYNS61201", "SYNS63300", "SYNS65302")
each_chip = pytest.mark.parametrize("chip", CHIPS)
Attach = Callable[..., SamnaDouble]


@pytest.fixture
def attach(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Attach:
    """Attaches boards, in place of the vendor's software; locks are in a folder of their own."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def attached(*chips: str, **options: Any) -> SamnaDouble:
        double = SamnaDouble(*chips, **options)
        double.install(monkeypatch)
        return double

    return attached


@pytest.mark.parametrize("stepwise", [False, True], ids=["accelerated", "stepwise"])
@each_chip
def test_a_real_board_records_what_the_simulator_records(
    attach: Attach, chip: str, stepwise: bool
) -> None:
    attach(chip)
    config, raster = random_config(chip, seed=1), random_raster(2, batch=2, n_steps=7)
    with SamnaBoard(chip, stepwise=stepwise) as board:
        board.load(config)
        output, _, record = board(raster, record=True)
    wanted = expected(config, raster)
    is_hidden = chip == "SYNS65302" and not stepwise
    assert set(record) == set(wanted) - ({"Isyn2"} if is_hidden else set())
    assert_same(record | {"Spikes_out": output}, wanted)


@pytest.mark.parametrize(
    ("mode", "array"), [("Spike", "Spikes_out"), ("Vmem", "Vmem_out"), ("Isyn", "Isyn_out")]
)
@each_chip
def test_a_real_board_gives_the_output_that_was_asked_for(
    attach: Attach, chip: str, mode: str, array: str
) -> None:
    attach(chip)
    config, raster = random_config(chip, seed=3), random_raster(4)
    with SamnaBoard(chip, output_mode=mode) as board:
        board.load(config)
        assert_same({array: board(raster)[0]}, expected(config, raster))


# One hidden neuron, one output, one spike in two steps: each call that makes of it.
TINY = {
    chip: XyloConfig(chip, weights_in=[[9]], weights_out=[[8]], threshold=5, threshold_out=4)
    for chip in CHIPS
}
TINY_RASTER = [[1], [0]]


def calls(log: Log) -> list[Any]:
    """Names of calls, with what was applied cut down to the mode, and its monitors."""
    shown: list[Any] = []
    for name, *arguments in log:
        if name == "apply_configuration":
            (fields,) = arguments
            monitors = {
                key.removeprefix("monitor_neuron_"): value
                for key, value in fields["debug"].items()
                if key.startswith("monitor") and value
            }
            is_clear = ("clear",) if fields.get("clear_network_state") else ()
            shown.append((name, fields["operation_mode"], monitors, *is_clear))
        elif name == "sink.set_configuration":
            shown.append(name)
        else:
            shown.append((name, *arguments) if arguments else name)
    return shown


def run_of(double: SamnaDouble, chip: str, **options: Any) -> dict[str, list[Any]]:
    """The calls of opening, loading, running and closing."""
    board = SamnaBoard(chip, confirm=False, **options)
    parts = {"open": calls(double.taken())}
    board.load(TINY[chip])
    parts["load"] = calls(double.taken())
    board(TINY_RASTER)
    parts["run"] = calls(double.taken())
    board.close()
    parts["close"] = calls(double.taken())
    return parts


CLEAR = {
    "SYNS61201": [("WriteRegisterValue", address, 0) for address in range(0x11, 0x15)],
    "SYNS63300": [("WriteRegisterValue", address, 0) for address in range(0x47, 0x4B)],
    "SYNS65302": [("WriteRegisterValue", address, 0) for address in range(0x149, 0x14D)],
}


def test_calls_of_audio_3(attach: Attach) -> None:
    accelerated = ("apply_configuration", "AcceleratedTime", {})
    barrier = ("ReadRegisterValue", 0)
    assert run_of(attach("SYNS65302"), "SYNS65302") == {
        "open": [
            ("open_device", "XyloAudio3TestBoard"),
            "get_firmware_versions",
            "get_model",
            ("sink_from", "events"),
            "source_to",
        ],
        "load": ["validate_configuration", "validate_configuration", accelerated, barrier],
        "run": [
            "validate_configuration",
            ("apply_configuration", "Manual", {}),
            barrier,
            "validate_configuration",
            accelerated,
            barrier,
            *CLEAR["SYNS65302"],
            "TriggerReadout",
            ("Spike", 0, 0, 0),
            ("TriggerProcessing", 2),
            barrier,
        ],
        "close": ["close_device"],
    }


def test_calls_of_imu(attach: Attach) -> None:
    barrier = ("ReadRegisterValue", 0x4B)
    prepared = [
        "validate_configuration",
        ("apply_configuration", "AcceleratedTime", {"i_syn": {"start": 1, "end": 2}}),
        barrier,
        ("enable_manual_input_acceleration", True),
        "open_ram_access",
    ]
    assert run_of(attach("SYNS63300"), "SYNS63300", output_mode="Isyn") == {
        "open": [
            ("open_device", "XyloImuTestBoard"),
            "get_firmware_versions",
            "get_model",
            ("sink_from", "events"),
            "source_to",
        ],
        "load": ["validate_configuration", *prepared],
        "run": [
            "reset_board_soft",
            *prepared,
            *CLEAR["SYNS63300"],
            "TriggerReadout",
            ("Spike", 0, 0),
            ("TriggerProcessing", 2),
            barrier,
        ],
        "close": ["close_device"],
    }


def test_calls_of_audio_2(attach: Attach) -> None:
    barrier = ("ReadRegisterValue", 0x15)
    monitors = {"v_mem": {"start": 1, "end": 2}}
    applied = ("apply_configuration", "AcceleratedTime", monitors)
    # Read the control register, then open the memory: power first, then its clock.
    opened = [
        ("ReadRegisterValue", 1),
        ("WriteRegisterValue", 1, 1 << 17),
        ("WriteRegisterValue", 1, 3 << 16),
        "sink.set_configuration",
    ]
    assert run_of(attach("SYNS61201"), "SYNS61201", output_mode="Vmem") == {
        "open": [
            ("open_device", "XyloA2TestBoard"),
            "get_firmware_versions",
            "get_xylo_model",
            ("sink_from", "events"),
            "source_to",
            "TriggerProcessing",
            "ReadVersion",
            ("set_saer_interface_enable", False),
        ],
        "load": [
            "validate_configuration",
            ("sequential", "NeuronStateSinkNode"),
            "validate_configuration",
            applied,
            barrier,
            *opened,
        ],
        "run": [
            "validate_configuration",
            (*applied, "clear"),
            barrier,
            *opened,
            *CLEAR["SYNS61201"],
            "TriggerReadout",
            "sink.reset",
            ("Spike", 0, 0),
            # The spike of the step after the last one, which is taken back.
            ("Spike", 0, 2),
            *CLEAR["SYNS61201"],
            barrier,
        ],
        "close": ["close_device"],
    }


def test_a_run_that_goes_on_sends_nothing_but_its_events(attach: Attach) -> None:
    double = attach("SYNS65302")
    board = SamnaBoard("SYNS65302", confirm=False)
    board.load(TINY["SYNS65302"])
    _, state, _ = board(TINY_RASTER)
    double.taken()
    board.set_attributes(state)([[0], [2]])
    assert calls(double.taken()) == [
        "TriggerReadout",
        ("Spike", 0, 3, 0),
        ("Spike", 0, 3, 0),
        ("TriggerProcessing", 4),
        ("ReadRegisterValue", 0),
    ]


@each_chip
def test_all_fields_of_a_configuration_arrive(attach: Attach, chip: str) -> None:
    double = attach(chip)
    config = random_config(chip, seed=5)
    with SamnaBoard(chip) as board:
        board.load(config)
        board(random_raster(6), record=True)
    applied = [arguments[0] for name, *arguments in double.log if name == "apply_configuration"]
    for fields in applied:
        assert from_samna(fields, chip) == config
    wanted = samna_fields(config)
    assert all(applied[-1]["debug"][switch] for switch in wanted["debug"])


@each_chip
def test_an_object_of_the_vendor_and_back(attach: Attach, chip: str) -> None:
    attach(chip)
    config = random_config(chip, seed=7)
    target = to_samna(config)
    assert type(target).__name__ == "XyloConfiguration"
    assert target.input.weights.dtype == np.int8
    assert from_samna(target, chip) == config


def test_versions_without_the_switch_of_the_memory_do_without(attach: Attach) -> None:
    from samna_double import audio_3

    double = attach("SYNS65302")
    vars(double.samna.xyloAudio3.configuration).update(audio_3(has_ram_switch=False))
    fields = samna_fields(random_config("SYNS65302", seed=8)) | {
        "debug": {"ram_access_enable": True}
    }
    from xylograph.hw.boards._models import VENDOR_MODELS
    from xylograph.hw.boards.samna_link._objects import configuration_object

    target = configuration_object(double.samna, VENDOR_MODELS["SYNS65302"], fields)
    assert not hasattr(target.debug, "ram_access_enable")


def test_a_version_that_lacks_a_field_is_named(attach: Attach) -> None:
    double = attach("SYNS65302")
    del double.samna.xyloAudio3.OperationMode
    message = r"samna 0\.48\.6 has no `OperationMode\.Accel"
    with SamnaBoard("SYNS65302") as board, pytest.raises(BoardError, match=message):
        board.load(TINY["SYNS65302"])


@pytest.mark.parametrize("chip", ["SYNS63300", "SYNS65302"])
def test_a_real_board_follows_its_sensor(attach: Attach, chip: str) -> None:
    config, sensed = random_config(chip, seed=9), random_raster(10, n_steps=9)
    double = attach(chip, sensor=sensed[0])
    with SamnaBoard(chip) as board:
        board.load(config)
        steps = list(board.live(9))
    assert_same(live_record(steps), expected(config, sensed))
    # Boards do not show what the front end gives.
    assert {step.input_spikes is None for step in steps} == {True}
    applied = [arguments[0] for name, *arguments in double.log if name == "apply_configuration"]
    (live,) = [fields for fields in applied if fields["operation_mode"] == "RealTime"]
    assert live["time_resolution_wrap"] == {"SYNS63300": 250_000, "SYNS65302": 50_000}[chip]
    if chip == "SYNS63300":
        assert live["imu_if_input_enable"] and live["input_interface"]["enable"]
        assert live["debug"]["imu_if_clock_freq_div"] == 999
    else:
        assert live["input_source"] == "DigitalMicrophone"
        assert live["debug"]["sdm_clock_ratio"] == 15


def test_calls_of_audio_3_in_real_time(attach: Attach) -> None:
    double = attach("SYNS65302")
    with SamnaBoard("SYNS65302") as board:
        board.load(TINY["SYNS65302"])
        double.taken()
        assert len(list(board.live(2, power=True))) == 2
    barrier = ("ReadRegisterValue", 0)

    def applied(mode: str) -> list[Any]:
        return ["validate_configuration", ("apply_configuration", mode, {}), barrier]

    assert calls(double.taken()) == [
        *applied("Manual"),
        *applied("RealTime"),
        *CLEAR["SYNS65302"],
        ("sink_from", "power"),
        "stop_watch.start",
        ("start_power", 100.0),
        "TriggerReadout",
        ("TriggerProcessing", None),
        # Stopped before anything else is asked of it.
        ("TriggerProcessing", 0),
        "stop_power",
        *applied("Manual"),
        *applied("AcceleratedTime"),
        *CLEAR["SYNS65302"],
        "close_device",
    ]


@pytest.mark.parametrize("chip", ["SYNS63300", "SYNS65302"])
def test_power_comes_with_the_steps(attach: Attach, chip: str) -> None:
    double = attach(chip)
    with SamnaBoard(chip) as board:
        board.load(TINY[chip])
        channels = board.power_channels
        first, *others = board.live(3, power=True)
        # The first channel draws 1 mW and then 2 mW, the second one twice that, and so on.
        for place, channel in enumerate(channels, start=1):
            for step in (first, *others):
                np.testing.assert_allclose(step.power[channel], [place * 1e-3, place * 2e-3])
        assert tuple(first.power) == channels
        double.taken()
        assert len(list(board.live(1))) == 1
    assert not any(name == "start_power" for name, *_ in double.log)


def test_settings_of_the_front_end_leave_the_others_as_they_are(attach: Attach) -> None:
    double = attach("SYNS65302")
    settings = {"digital_frontend": {"pdm_preprocessing": {"clock_edge": 1}}}
    with SamnaBoard("SYNS65302") as board:
        board.load(TINY["SYNS65302"])
        assert len(list(board.live(2, front_end=settings))) == 2
    applied = [arguments[0] for name, *arguments in double.log if name == "apply_configuration"]
    (live,) = [fields for fields in applied if fields["operation_mode"] == "RealTime"]
    assert live["digital_frontend"]["pdm_preprocessing"] == {"clock_direction": 1, "clock_edge": 1}
    assert live["digital_frontend"]["filter_bank"]["use_global_iaf_threshold"] is True


def test_the_front_end_that_a_configuration_holds_arrives(attach: Attach) -> None:
    double = attach("SYNS63300")
    config = XyloConfig("SYNS63300", weights_in=[[9]], weights_out=[[8]], dt=5e-3)
    config = IMUIFSim().configure(config)
    with SamnaBoard("SYNS63300") as board:
        board.load(config)
        assert len(list(board.live(2))) == 2
        assert not board.notices
    for name, *arguments in double.log:
        if name == "apply_configuration":
            is_live = arguments[0]["operation_mode"] == "RealTime"
            interface = arguments[0]["input_interface"]
            # Off while events come from here; then just what the configuration says.
            assert interface["enable"] == is_live
            found = from_samna(arguments[0], "SYNS63300", dt=5e-3).input_interface
            assert found == (config.input_interface if is_live else None)


def test_settings_of_the_front_end_of_imu_arrive(attach: Attach) -> None:
    double = attach("SYNS63300")
    settings = IMUIFSim().export_parameters()
    with SamnaBoard("SYNS63300") as board:
        board.load(TINY["SYNS63300"])
        assert len(list(board.live(2, front_end={"input_interface": settings}))) == 2
    applied = [arguments[0] for name, *arguments in double.log if name == "apply_configuration"]
    (live,) = [fields for fields in applied if fields["operation_mode"] == "RealTime"]
    # What the front end does not set keeps the vendor's defaults.
    rest = {"configuration_timeout": 3.0, "delay_threshold": 500}
    assert live["input_interface"] == settings | rest


@pytest.mark.parametrize(
    ("chip", "means", "stopwatch"),
    [
        (
            "SYNS61201",
            {"io": 1500, "front end, io": 3000, "core": 4500, "front end, logic": 6000},
            ("stop_watch.set_enable_value", True),
        ),
        ("SYNS63300", {"io": 1500, "core": 3000}, ("stop_watch.set_enable_value", True)),
        ("SYNS65302", {"io": 1500, "analog": 3000, "digital": 4500}, ("stop_watch.start",)),
    ],
)
def test_power_is_that_of_each_channel(
    attach: Attach, chip: str, means: dict[str, float], stopwatch: tuple[Any, ...]
) -> None:
    double = attach(chip)
    with SamnaBoard(chip) as board:
        double.taken()
        reading = board.power(duration_s=0.01)
    assert reading.mean_uw == pytest.approx(means)
    rate = 100.0 if chip == "SYNS65302" else 5.0
    assert double.taken()[:-1] == [
        ("sink_from", "power"),
        stopwatch,
        ("start_power", rate),
        ("stop_power",),
    ]


def test_a_refusal_by_the_vendors_validator_is_shown(attach: Attach) -> None:
    attach("SYNS65302", refuses="threshold of neuron 3 is odd")
    with SamnaBoard("SYNS65302") as board, pytest.raises(BoardRefusedError) as caught:
        board.load(TINY["SYNS65302"])
    assert caught.value.vendor_message == "threshold of neuron 3 is odd"


def test_old_firmware_is_refused_and_the_board_given_back(attach: Attach) -> None:
    double = attach("SYNS63300", firmware={"fxtree": "0.11.4", "unifirm": "1.1.3"})
    with pytest.raises(BoardFirmwareError, match=r"fxtree is 0\.11\.4, needed is 0\.11\.5"):
        SamnaBoard("SYNS63300")
    assert double.log[-1] == ("close_device",)
    double.firmware = {"fxtree": "0.11.5", "unifirm": "1.1.3"}
    SamnaBoard("SYNS63300").close()


def test_a_driver_of_ones_own_drives_a_real_board(attach: Attach) -> None:
    from xylograph.hw.boards import ImuDriver

    class TwiceReset(ImuDriver):
        def restart(self, mode: str, kind: str) -> None:
            self.reset_board()
            super().restart(mode, kind)

    double = attach("SYNS63300")
    with SamnaBoard("SYNS63300", driver=TwiceReset, confirm=False) as board:
        board.load(TINY["SYNS63300"])
        double.taken()
        board(TINY_RASTER)
    assert [name for name, *_ in double.taken()].count("reset_board_soft") == 2


@each_chip
def test_a_board_that_is_silent_times_out(attach: Attach, chip: str) -> None:
    attach(chip, faults=(Fault(kind="hang", at=9),))
    with SamnaBoard(chip, timeout_s=0.05) as board:
        board.load(TINY[chip])
        with pytest.raises(BoardTimeoutError, match=r"was silent for 0\.05 s"):
            for _ in range(3):
                board(TINY_RASTER)


def test_readouts_that_are_lost_are_missed(attach: Attach) -> None:
    # Behind two barriers and the readout that says the time.
    attach("SYNS63300", faults=(Fault(kind="lost", at=3),))
    with SamnaBoard("SYNS63300", timeout_s=0.05) as board:
        board.load(TINY["SYNS63300"])
        with pytest.raises(BoardDataError, match="first step 0"):
            board(TINY_RASTER)
        assert_same(
            {"Spikes_out": board(TINY_RASTER)[0]},
            expected(TINY["SYNS63300"], np.array(TINY_RASTER)),
        )


@pytest.mark.parametrize("call", ["open_device", "apply_configuration", "Spike", "close_device"])
def test_failures_of_the_vendors_software_are_ours(attach: Attach, call: str) -> None:
    double = attach("SYNS65302")
    double.breaks = {call}

    def use() -> None:
        with SamnaBoard("SYNS65302") as board:
            board.load(TINY["SYNS65302"])
            board(TINY_RASTER)

    with pytest.raises(BoardLostError, match="LIBUSB_ERROR_NO_DEVICE.*udev rule"):
        use()
    # And whoever comes next finds the board free.
    double.breaks = set()
    use()


def test_boards_are_found(attach: Attach) -> None:
    double = attach("SYNS65302", "SYNS63300", "SYNS65302")
    double.infos[2].serial_number = "A3-007"
    assert [(board.chip, board.serial) for board in find_boards()] == [
        ("SYNS63300", "XyloImuTestBoard:0"),
        ("SYNS65302", "XyloAudio3TestBoard:0"),
        ("SYNS65302", "A3-007"),
    ]
    with SamnaBoard("SYNS65302", serial="A3-007") as board:
        assert str(board.identify()) == "the samna SYNS65302 board 'A3-007'"
        assert board.identify().samna == "0.48.6"
        assert board.identify().firmware == {"fxtree": "0.12.2", "unifirm": "1.6.0"}


def test_a_board_that_is_not_there_is_named(attach: Attach) -> None:
    attach("SYNS63300")
    with pytest.raises(BoardNotFoundError, match="no board of the type XyloAudio3TestBoard.*none"):
        SamnaBoard("SYNS65302")
    with pytest.raises(BoardNotFoundError, match="no board 'X' .* type: 'XyloImuTestBoard:0'"):
        SamnaBoard("SYNS63300", serial="X")


def test_xylo_1_is_refused_with_the_reason() -> None:
    with pytest.raises(BoardError, match="dropped the boards of SYNS61300.*`VirtualBoard`"):
        SamnaBoard("SYNS61300")


def test_without_the_vendors_software_one_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "samna", raising=False)

    def missing(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr("xylograph.hw._vendor_package.distribution", missing)
    with pytest.raises(BoardNotFoundError, match="need the vendor's package `samna`: install"):
        SamnaBoard("SYNS65302")


def test_the_installer_of_the_registry_is_not_imported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "samna").mkdir()
    (tmp_path / "samna" / "__init__.py").write_text("raise SystemExit('imported')")
    info = tmp_path / "samna-0.48.6.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: samna\nVersion: 0.48.6\n")
    (info / "RECORD").write_text("samna/__init__.py,,\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "samna", raising=False)
    with pytest.raises(BoardNotFoundError, match=r"`samna` 0\.48\.6 holds no program"):
        find_boards()
    assert "samna" not in sys.modules


def test_one_process_cannot_open_a_board_twice(attach: Attach) -> None:
    attach("SYNS65302")
    message = f"is held by process {os.getpid()}"
    with SamnaBoard("SYNS65302"), pytest.raises(BoardBusyError, match=message):
        SamnaBoard("SYNS65302")
    SamnaBoard("SYNS65302").close()


def test_of_several_boards_a_free_one_is_taken(attach: Attach) -> None:
    attach("SYNS65302", "SYNS65302")
    with SamnaBoard("SYNS65302"), SamnaBoard("SYNS65302") as second:
        assert second.identify().serial == "XyloAudio3TestBoard:1"


def test_two_processes_cannot_drive_one_board(attach: Attach, tmp_path: Path) -> None:
    attach("SYNS65302")
    code = (
        f"import tempfile; tempfile.tempdir = {str(tmp_path)!r}\n"
        "from xylograph.hw.boards.samna_link._lock import BoardLock\n"
        "lock = BoardLock('XyloAudio3TestBoard:0'); print('held', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(BoardBusyError, match=f"is held by process {other.pid}"):
            SamnaBoard("SYNS65302")
        # However it ends, the board is free then.
        other.kill()
    SamnaBoard("SYNS65302").close()


def test_the_doctor_opens_boards_for_their_firmware(attach: Attach) -> None:
    from xylograph.tools.doctor._list_boards import listed

    attach("SYNS63300", "SYNS65302")
    free = listed()
    assert [set(entry) for entry in free] == [{"board", "firmware"}] * 2
    assert "fxtree" in free[0]["firmware"]
    with SamnaBoard("SYNS63300"):
        held, _ = listed()
    assert "is held by" in held["busy"]
    attach("SYNS65302", firmware={"fxtree": "0.1.0", "unifirm": "1.6.0"})
    (old,) = listed()
    assert "fxtree is 0.1.0" in old["problem"]
