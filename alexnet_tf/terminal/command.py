"""Commands of this program as messages print them, to be copied."""

import shlex


def command(mode: str, **flags: object) -> str:
    """A command line that a shell takes as it stands.

    Args:
        mode: what follows --mode.
        flags: values by flag, in order; None leaves one out. A dot in a flag
            is written as two underscores: config__data__name.
    """
    words = [
        shlex.quote(f"--{name.replace('__', '.')}={value}")
        for name, value in flags.items()
        if value is not None
    ]
    return " ".join(["python main.py", f"--mode={mode}", *words])
