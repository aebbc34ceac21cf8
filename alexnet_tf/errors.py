"""How a command ends that could not do what it was asked to."""

BAD_INPUT = 2  # exit code of every command that a user has to correct
START_AGAIN = 75  # of one that goes on when it is repeated; <sysexits.h>


def one_line(error: object, longest: int | None = None) -> str:
    """The text of an error, or a text, without line breaks.

    Args:
        error: an exception or text.
        longest: characters that are kept, all by default; where more are left
            out, " ..." stands for them.
    """
    text = " ".join(str(error).split())
    if longest is not None and len(text) > longest:
        return f"{text[:longest]} ..."
    return text


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
