"""Programs that take turns: each in a process of its own, idle while waiting.

Two frameworks in one process share, and fight over, the threads of the
machine. Here a process answers the name of a program with its wall time and
then sleeps on its input. It runs the program twice and tells of the second:
the first finds what other processes have left in the caches.
"""

import contextlib
import importlib
import json
import subprocess
import sys


class Turns:
    """A process that runs the programs of a module on request.

    Args:
        module: name of a module with `programs(**arguments)`, which returns
            {name: function without arguments that does one step and returns
            its seconds}.
        arguments: of `programs`; JSON values.

    Attributes:
        names: of the programs.
        facts: what the module's `facts()` says, such as its version.
    """

    def __init__(self, module, **arguments):
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, module, json.dumps(arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.names, self.facts = self._answer()

    def seconds(self, name):
        """Wall time of a step of a program that has just done another."""
        print(name, file=self._process.stdin, flush=True)
        return self._answer()

    def close(self):
        """Ends the process."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()

    def _answer(self):
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args} ended; see above")
        return json.loads(line)


def main():
    module = importlib.import_module(sys.argv[1])
    answers = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):
        programs = module.programs(**json.loads(sys.argv[2]))
        for program in programs.values():
            program()  # traces, and warms up
        print(json.dumps([list(programs), module.facts()]), file=answers)
        answers.flush()
        for line in sys.stdin:
            program = programs[line.strip()]
            program()
            print(json.dumps(program()), file=answers)
            answers.flush()


if __name__ == "__main__":
    main()
