"""--mode=inspect: the network layer by layer, or what two recipes differ in."""

import json
import sys
from typing import Any

from ml_collections import ConfigDict

from alexnet_tf.analysis.layer_table import (
    TowerRow,
    TrainingMemory,
    layer_table,
    training_memory,
)
from alexnet_tf.config import SECTIONS, changed_values, check_config
from alexnet_tf.errors import UserError
from alexnet_tf.layers import towers
from alexnet_tf.network import build_network
from alexnet_tf.options import Options
from alexnet_tf.run.folder import Run, existing_run, newest_trained_run
from alexnet_tf.training.optimizer import PaperSGD
from alexnet_tf.training.placement import (
    as_json,
    placement_lines,
    placement_of_small_step,
)
from alexnet_tf.training.trainer import Trainer
from modes.setup import (
    config_for,
    open_source,
    settle_class_count,
)


def main(options: Options) -> int:
    """Prints one of the two; returns the exit code."""
    run = run_to_inspect(options)
    config = config_for(options, run)
    if options.against is not None:
        check_config(options.against)
        print_changes(config, options.against, options.json)
        return 0
    return print_network(options, run, config)


def run_to_inspect(options: Options) -> Run | None:
    """The run that is asked for, or the newest; None for a recipe alone.

    Raises:
        UserError: there is no such run, or a recipe is asked for besides.
    """
    run = existing_run(options.run) if options.run else None
    if options.config_given and run:
        raise UserError(
            f"{options.run} has a recipe of its own: omit --config, or "
            "leave --run out; --against=RECIPE prints where the two differ"
        )
    if options.config_given or run:
        return run
    newest = newest_trained_run()
    if newest is not None:
        print(f"run {newest.path}", file=sys.stderr)
    return newest


def print_changes(
    config: ConfigDict, against: ConfigDict, as_json: bool
) -> None:
    """Prints the values of a config that another has otherwise.

    Args:
        config, against: two configs.
        as_json: whether {key: {"here": value, "against": value}} follows.
    """
    changes = [
        change
        for section in SECTIONS
        for change in changed_values(section, config, against)
    ]
    widest = max((len(key) for key, _, _ in changes), default=0)
    for key, here, there in changes:
        print(f"{key:{widest}}  {_plain(there)} -> {_plain(here)}")
    if not changes:
        print("no differences")
    if as_json:
        both = {
            key: {"here": here, "against": there}
            for key, here, there in changes
        }
        print(json.dumps(both))


def print_network(options: Options, run: Run | None, config: ConfigDict) -> int:
    """Prints the layer table and totals; returns the exit code."""
    if config.model.num_classes == 0:
        settle_class_count(config, open_source(config, options, run))
    devices = towers.resolve_tower_devices(
        options.tower_devices, config.model.towers
    )
    with towers.placement(devices):
        network = build_network(
            config.model, config.train.seed, config.train.precision
        )
    rows = layer_table(network)
    memory = training_memory(
        rows,
        config.train.batch_size,
        config.train.accumulate,
        averaged=config.train.weight_average > 0,
    )
    totals = {
        "parameters": sum(row.parameters for row in rows),
        "neurons": sum(row.neurons for row in rows),
        "macs": sum(row.macs for row in rows),
        "batch_size": config.train.batch_size,
        "training_bytes": memory.total,
        "tower_devices": list(devices),
    }
    print_table(rows)
    print_totals(totals, memory)
    if any(devices):
        trainer = Trainer(
            network,
            PaperSGD(),
            accumulate=config.train.accumulate,
            weight_average=config.train.weight_average,
        )
        placement = placement_of_small_step(trainer, config.train.batch_size)
        totals["placement"] = as_json(placement)
        print("\n".join(placement_lines(placement)))
    if options.json:
        print(json.dumps(totals))
    return 0


def print_table(rows: list[TowerRow]) -> None:
    """The layers; an arrow marks where a tower sees the other one too."""
    print(
        f"{'layer':9} tower  {'output':12}  {'kernel':15}  "
        f"{'parameters':>10}  {'MACs':>11}  device"
    )
    for row in rows:
        tower = "both" if row.tower is None else str(row.tower)
        print(
            f"{row.layer:9} {tower:>4} {'<>' if row.exchange else '  '} "
            f"{_shape(row.output_shape):12}  {_shape(row.kernel_shape):15}  "
            f"{_count(row.parameters):>10}  {_count(row.macs):>11}  "
            f"{row.device or 'default'}"
        )


def print_totals(totals: dict[str, Any], memory: TrainingMemory) -> None:
    """Sums over the layers, and the memory that training takes."""

    def gigabytes(count: int) -> str:
        return f"{count / 1e9:.2f} GB"

    print(
        f"{totals['parameters']:,} parameters, {totals['neurons']:,} neurons, "
        f"{totals['macs'] / 1e9:.2f} GMAC per image and forward pass\n"
        f"training at batch {totals['batch_size']} holds about "
        f"{gigabytes(memory.total)} "
        f"(weights {gigabytes(memory.weights + memory.averages)}, "
        f"velocities {gigabytes(memory.velocities)}, "
        f"gradients {gigabytes(memory.gradients + memory.sums)}, "
        f"activations {gigabytes(memory.activations)}); workspace, cached "
        "images and TensorFlow itself come on top"
    )


def _plain(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _shape(shape: tuple[int, ...] | None) -> str:
    return "x".join(map(str, shape)) if shape else ""


def _count(number: int) -> str:
    return f"{number:,}" if number else ""
