"""The one exception that stands for a mistake of the person at the keyboard."""

BAD_INPUT = 2  # exit code of every command that a user has to correct


class UserError(Exception):
    """Bad input: a file, flag, folder or value that the user can correct.

    `main.py` prints its message as one line and exits with 2. Everything else
    is an unexpected fault and keeps its traceback.
    """
