"""The virtual device, against what is known of real ones."""

import numpy as np
import pytest
from board_cases import random_config, random_raster

from xylograph.hw import CHIPS, VirtualBoard, XyloConfig, XyloSim, samna_fields
from xylograph.hw.boards import _events as ev
from xylograph.hw.boards.virtual._device import VirtualDevice


def device_with(config: XyloConfig, **fields: object) -> VirtualDevice:
    device = VirtualDevice(config.chip)
    device.apply(samna_fields(config) | fields)
    return device


def test_registers_of_audio_3_are_those_that_a_board_printed() -> None:
    # Samna contract, section 4.4: a 3-5-2 network in manual mode with always_update_omp_stat.
    config = XyloConfig(
        "SYNS65302", weights_in=np.ones((3, 5), int), weights_out=np.ones((5, 2), int)
    )
    board = VirtualBoard("SYNS65302", stepwise=True, output_mode="Vmem")
    board.load(config)
    board([[0, 0, 0]])
    device = board._session.link.device  # pyright: ignore[reportAttributeAccessIssue]
    found = [device.registers.read(address) for address in (0x01, 0x02, 0x03)]
    assert found == [0x01430001, 0x00040402, 0x00000401]


def test_the_golden_trace_of_a_board_comes_out() -> None:
    # Chip facts, section 2: one-to-one network on a board, input at steps 5, 7 and 9.
    config = XyloConfig(
        "SYNS65302", weights_in=[[127]], weights_out=[[127]], threshold=127, threshold_out=127
    )
    raster = np.zeros((14, 1), int)
    raster[[5, 7, 9]] = 1
    board = VirtualBoard("SYNS65302")
    board.load(config)
    _, _, record = board(raster, record=True)
    shown = {name: record[name][0, 5:, 0].tolist() for name in record}
    assert shown["Isyn"][:6] == [64, 32, 80, 40, 84, 42]
    assert shown["Vmem"][:6] == [64, 64, 112, 96, 5, 45]
    assert shown["Spikes"][:6] == [0, 0, 0, 0, 1, 0]
    assert shown["Isyn_out"] == [0, 0, 0, 0, 0, 64, 32, 16, 8]
    assert shown["Vmem_out"] == [0, 0, 0, 0, 0, 64, 64, 48, 32]


def test_fresh_neurons_fire_as_on_a_board() -> None:
    # Chip facts, section 2: threshold 0 gives 31 spikes of each hidden neuron and 1 of each output.
    config = XyloConfig("SYNS65302", weights_in=[[0, 0]], weights_out=[[0], [0]])
    device = device_with(config, operation_mode="Manual")
    device.write([ev.TriggerProcessing()])
    answers = device.write([ev.ReadHiddenSpikeCount(0), ev.ReadHiddenSpikeCount(1)])
    assert answers == [ev.HiddenSpikeCount(0, 31), ev.HiddenSpikeCount(1, 31)]
    assert device.write([ev.ReadRegisterValue(0x152)]) == [ev.RegisterValue(0x152, 1)]


@pytest.mark.parametrize(
    ("chip", "present"),
    [
        ("SYNS61201", ev.Readout(timestamp=0)),
        ("SYNS63300", ev.Readout(timestep=-1)),
        ("SYNS65302", ev.Readout(timestep=-1)),
    ],
)
def test_a_fresh_chip_tells_the_time_as_its_kind_does(chip: str, present: ev.Readout) -> None:
    assert VirtualDevice(CHIPS[chip]).write([ev.TriggerReadout()]) == [present]


@pytest.mark.parametrize("chip", ["SYNS63300", "SYNS65302"])
def test_each_step_below_the_target_gives_one_readout(chip: str) -> None:
    device = device_with(random_config(chip, seed=1))
    answers = device.write([ev.Spike(0, timestep=2), ev.TriggerProcessing(4)])
    assert [getattr(answer, "timestep", None) for answer in answers] == [0, 1, 2, 3]


@pytest.mark.parametrize("chip", ["SYNS61201", "SYNS63300", "SYNS65302"])
def test_a_spike_of_a_later_step_lets_the_earlier_ones_be_processed(chip: str) -> None:
    device = device_with(random_config(chip, seed=2))
    time = "timestamp" if chip == "SYNS61201" else "timestep"
    answers = device.write([ev.Spike(0, **{time: 3})])
    assert len(answers) == device.n_processed == 3


def test_the_first_word_of_memory_is_stale() -> None:
    config = random_config("SYNS61201", seed=3)
    board = VirtualBoard("SYNS61201")
    board.load(config)
    board(random_raster(4), record=True)
    device = board._session.link.device  # pyright: ignore[reportAttributeAccessIssue]
    _, _, record = XyloSim(config)(random_raster(4), record=True)
    reads = [ev.ReadMemoryValue(address) for address in (0x7E00, 0x7E00, 0x7E01)]
    words = [answer.data for answer in device.write(reads)]
    wanted = (record["Isyn"][0, -1, :2].astype(int) & 0xFFFF).tolist()
    assert words == [0, *wanted]


@pytest.mark.parametrize(
    ("chip", "first", "name"),
    [
        ("SYNS65302", 0x1DE0, "dash_syn"),
        ("SYNS65302", 0x25C0, "dash_mem"),
        ("SYNS65302", 0x29C0, "bias"),
        ("SYNS65302", 0x2DC0, "threshold"),
        ("SYNS61201", 0x89C8, "dash_syn"),
        ("SYNS61201", 0x9980, "threshold"),
    ],
)
def test_parameters_stand_in_memory(chip: str, first: int, name: str) -> None:
    config = random_config(chip, seed=5)
    device = device_with(config)
    control = device.registers.read(0x01)
    device.write([ev.WriteRegisterValue(0x01, control | 3 << 16)])
    if chip == "SYNS65302":
        device.apply(samna_fields(config) | {"debug": {"ram_access_enable": True}})
    reads = [ev.ReadMemoryValue(first + place) for place in (0, *range(7))]
    words = [answer.data for answer in device.write(reads)][1:]  # pyright: ignore
    assert words == (getattr(config, name).astype(int) & 0xFFFF).tolist()


def test_memory_that_is_not_open_reads_as_zero() -> None:
    device = device_with(random_config("SYNS65302", seed=6), operation_mode="Manual")
    device.write([ev.Spike(0), ev.TriggerProcessing()])
    assert {answer.data for answer in device.write([ev.ReadMemoryValue(0x2DC0)] * 3)} == {0}  # pyright: ignore


def test_monitors_show_the_neurons_that_are_named_in_their_order() -> None:
    config = random_config("SYNS65302", seed=7)
    debug = {"ram_access_enable": True, "monitor_neuron_v_mem": [4, 2], "monitor_neuron_i_syn": [8]}
    device = device_with(config, debug=debug)
    raster = random_raster(8)[0]
    spikes = [
        ev.Spike(channel, timestep=step)
        for step, channel in np.argwhere(raster).tolist()
        for _ in range(raster[step, channel])
    ]
    *_, last = device.write([*spikes, ev.TriggerProcessing(len(raster))])
    _, _, record = XyloSim(config)(raster, record=True)
    assert isinstance(last, ev.Readout)
    assert last.neuron_v_mems == tuple(record["Vmem"][0, -1, [4, 2]].tolist())
    assert last.neuron_i_syns == (record["Isyn_out"][0, -1, 1],)
    assert last.hidden_spikes == ()


def test_input_counters_can_be_read_and_cleared() -> None:
    device = device_with(random_config("SYNS61201", seed=9), operation_mode="Manual")
    device.write([ev.Spike(0), ev.Spike(2), ev.Spike(2)])
    assert device.registers.read(0x11) == 0x201
    device.write([ev.WriteRegisterValue(0x11, 0)])
    assert device.registers.read(0x11) == 0


def test_counters_stop_at_their_limit() -> None:
    device = device_with(random_config("SYNS65302", seed=10), operation_mode="Manual")
    device.write([ev.Spike(1)] * 20)
    assert device.registers.read(0x149) == 0xF0


def test_an_imu_chip_says_when_a_step_is_done() -> None:
    device = device_with(random_config("SYNS63300", seed=11), operation_mode="Manual")
    assert device.write([ev.TriggerProcessing()]) == [ev.Interrupt()]


def test_an_illegal_configuration_is_not_applied() -> None:
    config = random_config("SYNS65302", seed=12)
    device = device_with(config)
    fields = samna_fields(config)
    fields["hidden"]["neurons"][0]["v_mem_bias"] = 300
    with pytest.raises(ValueError, match="has the bias 300"):
        device.apply(fields)
    assert device.config == config


def test_in_real_time_audio_3_tells_of_outputs_from_the_highest_down() -> None:
    config = XyloConfig("SYNS65302", weights_in=[[0]], weights_out=[[0, 0]], dt=1e-3)
    fields = {"operation_mode": "RealTime", "time_resolution_wrap": 50_000}
    device = device_with(config, **fields)
    assert device.advance(1.0) == (1.0, [])
    device.write([ev.TriggerProcessing()])
    elapsed, events = device.advance(1.0)
    assert elapsed == pytest.approx(1e-3)
    assert events == [
        ev.Spike(1, timestep=0, timestamp=0),
        ev.Spike(0, timestep=0, timestamp=0),
        ev.Readout(timestep=0, output_v_mems=(0, 0), output_spikes=(1, 1)),
    ]
