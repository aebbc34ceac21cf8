"""How a command ends that could not do what it was asked to."""

BAD_INPUT = 2  # exit code of every command that a user has to correct
START_AGAIN = 75  # of one that goes on when it is repeated; <sysexits.h>


class UserError(Exception):
    """Bad input: a file, flag, folder or value that the user can correct.

    `main.py` prints its message as one line and exits with 2. Everything else
    is an unexpected fault and keeps its traceback.
    """


class StartAgain(Exception):
    """Nothing to correct, but all workers have to begin anew.

    `--mode=train` prints its message as one line and ends with `START_AGAIN`;
    who started the workers starts them once more.
    """
