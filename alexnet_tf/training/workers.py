"""The processes that train one network together."""


class Alone:
    """One process that trains by itself: the mean over workers is its own.

    Attributes:
        rank: number of this worker, from 0; worker 0 writes the run folder.
        size: how many there are.
    """

    rank = 0
    size = 1

    def average_gradients(self, gradients, variables, loss):
        """Means over all workers, inside a training step.

        Args:
            gradients: one tensor per variable, on the variable's device.
            variables: the trainable variables.
            loss: float32 scalar; where one worker's is not finite, the mean
                is not finite for all of them.

        Returns:
            (gradients, loss).
        """
        return gradients, loss

    def average_logs(self, logs):
        """Means over all workers of a dict of floats, outside a graph."""
        return logs
