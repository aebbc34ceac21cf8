"""Workers that average over TensorFlow's collectives."""

import hashlib
import math
import signal
from collections.abc import Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from alexnet_tf.errors import UserError, one_line
from alexnet_tf.workers.alone import WISHES, reached_with_finite_numbers
from alexnet_tf.workers.cluster import Cluster

# Any numbers do that are the same in all processes and differ between the
# groups of devices.
GRADIENTS_KEY, NUMBERS_KEY = 100, 900
# A gradient of as many numbers is sent by itself: to join it with others would
# copy it twice, and hold it back until they are there.
LARGE = 65_536
LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
)


class Joined:
    """One of several processes; see `workers.alone.Alone` for its methods.

    Made before TensorFlow runs any operation: it starts the server by which
    the others reach this process, and waits for all of them. The others'
    collectives fail with one of `LOST` some ten seconds after a worker has
    fallen silent.

    Args:
        cluster: a `Cluster`.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.rank = cluster.rank
        self.size = len(cluster.addresses)
        self.addresses = cluster.addresses
        self.device_prefix = f"/job:worker/replica:0/task:{self.rank}"
        # Its scope is never entered: Keras' `fit` fails under it. It is here
        # for the servers and for its watch over the other workers.
        self._strategy = _strategy()
        self._wishes = tf.Variable(tf.zeros(len(WISHES)), trainable=False)
        self._agreed = tf.Variable(tf.zeros(len(WISHES)), trainable=False)
        self._own_is_finite = tf.Variable(True, trainable=False)
        self._add_up = tf.function(self._sum_over_workers)

    def average_gradients(
        self,
        gradients: list[tf.Tensor],
        variables: list[keras.Variable],
        loss: tf.Tensor,
        may_overflow: bool = False,
    ) -> tuple[list[tf.Tensor], tf.Tensor]:
        """Collectives on each device that holds variables.

        Each large gradient has one of its own, which begins as soon as the
        backward pass has come to it and runs while that goes on: the fully
        connected layers, with nearly all of the weights, come first. The
        small ones follow together; the loss and the wishes travel with them.
        """
        averaged = list(gradients)
        means = []
        devices = sorted({variable.value.device for variable in variables})
        for number, device in enumerate(devices):
            places = [
                i for i, v in enumerate(variables) if v.value.device == device
            ]
            large = [
                i for i in places if math.prod(variables[i].shape) >= LARGE
            ]
            small = [i for i in places if i not in large]
            extra = [loss, self._wishes.value()] if number == 0 else []
            key = GRADIENTS_KEY + number
            done = []
            with tf.device(device):
                for instance, i in enumerate(reversed(large), 1):
                    # The gradients are sent in the same order everywhere, one
                    # after the other.
                    with tf.control_dependencies(done):
                        averaged[i] = self._mean(gradients[i], key, instance)
                    done = [averaged[i]]
                tensors = [gradients[i] for i in small] + extra
                flat = tf.concat([tf.reshape(t, [-1]) for t in tensors], axis=0)
                with tf.control_dependencies(done):
                    mean = self._mean(flat, key, 0)
                means.append(mean)
                parts = tf.split(mean, [math.prod(t.shape) for t in tensors])
                for i, part in zip(small, parts, strict=False):
                    averaged[i] = tf.reshape(part, variables[i].shape)
            if extra:
                mean_loss = parts[-2][0]
                self._agreed.assign(parts[-1])
        self._own_is_finite.assign(
            tf.math.is_finite(loss)
            & reached_with_finite_numbers(gradients, variables)
        )
        # Whoever stops for the loss has done all collectives of the step: one
        # that is left half done is an error of its own. These are the last.
        with tf.control_dependencies(means):
            loss = tf.identity(mean_loss)
        if not may_overflow:
            # A single number that is not finite makes the mean so.
            loss = tf.where(
                reached_with_finite_numbers(averaged, variables), loss, math.nan
            )
        return averaged, loss

    def ask(self, what: str, wish: bool) -> None:
        """Tells the others, with the next step, whether this one wants to."""
        self._wishes[WISHES.index(what)].assign(float(wish))

    def agreed(self, what: str, wish: bool) -> bool:
        """Whether any worker had asked for it before the last step."""
        return self._agreed.numpy()[WISHES.index(what)] > 0

    def average_logs(
        self, logs: dict[str, float], weights: Mapping[str, float]
    ) -> dict[str, float]:
        """One collective for all numbers, in float64."""
        names = sorted(logs)
        own = [weights[name] for name in names]
        sums = self.sum(
            [logs[n] * w for n, w in zip(names, own, strict=True)] + own
        )
        means = sums[: len(names)] / sums[len(names) :]
        return dict(zip(names, means.tolist(), strict=True))

    def wait_for_all(self) -> None:
        """Returns once every worker has called this."""
        self.sum([0.0])

    def check_agreement(self, what: str, text: str) -> None:
        """Compares digests; what float64 holds of them is enough."""
        digest = hashlib.sha256(text.encode()).digest()
        [digests] = self.gather([int.from_bytes(digest[:6], "big")]).T
        for rank in range(1, self.size):
            if digests[rank] != digests[0]:
                raise UserError(
                    f"worker {rank} ({self.addresses[rank]}) has another "
                    f"{what} than worker 0: start all workers with the same "
                    "program, --config, --data_dir and --run"
                )

    def ranks_not_finite(self) -> list[int]:
        """Workers whose own loss or gradients of the last step were not."""
        finite = float(self._own_is_finite.numpy())
        return np.flatnonzero(self.gather([finite])[:, 0] == 0).tolist()

    def sum(self, numbers: Sequence[float] | np.ndarray) -> np.ndarray:
        """Sums over the workers of a list of numbers; float64 array."""
        return self._add_up(tf.constant(numbers, tf.float64)).numpy()

    def gather(self, numbers: list[float]) -> np.ndarray:
        """Every worker's numbers; float64 [size, len(numbers)]."""
        rows = np.zeros((self.size, len(numbers)))
        rows[self.rank] = numbers
        return self.sum(rows.ravel()).reshape(rows.shape)

    def _sum_over_workers(self, numbers: tf.Tensor) -> tf.Tensor:
        # An instance of a collective has one shape for good.
        return self._reduce(numbers, NUMBERS_KEY, numbers.shape[0], "Id")

    def _mean(self, tensor: tf.Tensor, key: int, instance: int) -> tf.Tensor:
        return self._reduce(tensor, key, instance, "Div")

    def _reduce(
        self, tensor: tf.Tensor, key: int, instance: int, final_op: str
    ) -> tf.Tensor:
        return tf.raw_ops.CollectiveReduceV2(
            input=tensor,
            group_size=self.size,
            group_key=key,
            instance_key=1000 * key + instance,
            ordering_token=[],
            merge_op="Add",
            final_op=final_op,
        )


def _strategy() -> tf.distribute.Strategy:
    # Python would answer Ctrl-C only when all workers are there.
    python_answers = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except (tf.errors.OpError, RuntimeError, ValueError) as error:
        reason = one_line(error, 200)
        raise UserError(f"the workers cannot be joined: {reason}") from None
    finally:
        signal.signal(signal.SIGINT, python_answers)
