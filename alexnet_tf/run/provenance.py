"""How, where and with which versions a run was started, each time anew."""

import datetime
import json
import os
import pathlib
import platform
import shlex
import sys
from typing import Any

from alexnet_tf.files.atomic import readable, write_text
from alexnet_tf.files.text import read_text

CPU_INFO = pathlib.Path("/proc/cpuinfo")
NO_ONEDNN = "TF_ENABLE_ONEDNN_OPTS"  # TensorFlow's own kernels where it is 0


def record_start(path: pathlib.Path) -> None:
    """Appends what this process is to the list in a JSON file.

    Args:
        path: of the file, made where it is absent.

    Raises:
        UserError: the file is damaged.
    """
    start = {
        "time": datetime.datetime.now().astimezone().isoformat("T", "seconds"),
        "command": shlex.join(["python", *sys.argv]),
        **machine(),
    }
    write_text(path, json.dumps([*read_starts(path), start], indent=2) + "\n")


def read_starts(path: pathlib.Path) -> list[dict[str, Any]]:
    """The list that `record_start` made: dicts with "time", "command" and
    what `machine` returns; empty where there is no file.

    Raises:
        UserError: the file is damaged.
    """
    if not path.is_file():
        return []
    with readable(path):
        return json.loads(read_text(path))


def machine() -> dict[str, str]:
    """A dict of text: versions, processor, memory and GPUs of this process."""
    import keras  # late: a run folder can be looked at without them
    import tensorflow as tf

    gpus = [
        tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")
        for gpu in tf.config.list_physical_devices("GPU")
    ]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "system": platform.platform(),
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{memory / 2**30:.0f} GiB",
        "gpus": ", ".join(gpus) or "none",
    }


def multiplies_itself(precision: str) -> bool:
    """Whether the processor has products of a 16-bit precision of its own."""
    flag = {"bfloat16": "amx_bf16", "float16": "avx512_fp16"}.get(precision)
    return flag in _cpu_info("flags").split()


def _processor() -> str:
    return _cpu_info("model name") or platform.processor() or platform.machine()


def _cpu_info(key: str) -> str:
    """What Linux tells of the first core; empty where it tells nothing."""
    if CPU_INFO.is_file():
        for line in CPU_INFO.read_text().splitlines():
            if line.startswith(key):
                return line.split(":", 1)[1].strip()
    return ""
