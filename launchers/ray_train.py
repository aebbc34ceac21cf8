"""Workers started by Ray Train.

    python -m launchers.ray_train --workers=2 --gpus=2 -- --run=DIR ARGUMENT ...

What follows `--` is given to main.py. The project is at the same path on all
nodes, and they all see DIR. Ray gives each worker its TF_CONFIG; the worker
itself is a process of main.py, since Ray's own asks for another Keras.
"""

import argparse
import pathlib
import sys
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parent.parent


def parse(arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """(options, arguments of main.py)."""
    parser = argparse.ArgumentParser(
        prog="python -m launchers.ray_train", description=__doc__
    )
    parser.add_argument("--workers", type=int, required=True)
    parser.add_argument("--cpus", type=float, default=1, help="of each worker")
    parser.add_argument("--gpus", type=float, default=0, help="of each worker")
    parser.add_argument(
        "--restarts",
        type=int,
        default=0,
        help="of all workers, from the last state, after one was lost",
    )
    end = arguments.index("--") if "--" in arguments else len(arguments)
    options, rest = parser.parse_args(arguments[:end]), arguments[end + 1 :]
    if not any(argument.startswith("--run=") for argument in rest):
        parser.error("name a folder that all nodes see: -- --run=DIR")
    return options, rest


def train(config: dict[str, Any]) -> None:
    """What each of Ray's workers does."""
    # This is imported here and not above: Ray ships this function without its
    # module.
    import os
    import subprocess

    variables = {
        name: value
        for name, value in os.environ.items()
        if name != "TF_USE_LEGACY_KERAS"
    }
    # It ends with this process: alexnet_tf.workers.launch.end_with_launcher.
    variables["ALEXNET_LAUNCHER"] = str(os.getpid())
    code = subprocess.run(
        [config["python"], "main.py", "--mode=train", *config["arguments"]],
        cwd=config["root"],
        env=variables,
        check=False,
    ).returncode
    if code:
        raise RuntimeError(f"this worker ended with exit code {code}")


def main() -> None:
    """Trains; raises what Ray does where a worker fails."""
    options, arguments = parse(sys.argv[1:])
    from ray.train import (  # pyright: ignore[reportMissingImports]
        FailureConfig,
        RunConfig,
        ScalingConfig,
    )
    from ray.train.tensorflow import (  # pyright: ignore[reportMissingImports]
        TensorflowTrainer,
    )

    TensorflowTrainer(
        train,
        train_loop_config={
            "python": sys.executable,
            "root": str(ROOT),
            "arguments": arguments,
        },
        scaling_config=ScalingConfig(
            num_workers=options.workers,
            use_gpu=options.gpus > 0,
            resources_per_worker={
                "CPU": options.cpus,
                **({"GPU": options.gpus} if options.gpus else {}),
            },
        ),
        run_config=RunConfig(
            failure_config=FailureConfig(max_failures=options.restarts)
        ),
    ).fit()


if __name__ == "__main__":
    main()
