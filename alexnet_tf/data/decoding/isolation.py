"""One bad element never fails the others of its batch.

An operation that fails ends the whole run of a graph, and a server may have
merged several clients' requests into that run. tf.data alone can leave out
single elements, and it works inside a graph, a served one too.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from alexnet_tf.data.dataset_options import untuned


def map_where_valid(
    function: Callable[[Any], Any], elements: Any, otherwise: Any, at_once: int
) -> tuple[Any, tf.Tensor]:
    """Maps every element by itself.

    Args:
        function: from an element to a tensor or a structure of tensors.
        elements: tensor or structure of tensors [B, ...], B at least 1.
        otherwise: what stands for elements where `function` fails; like
            what it returns.
        at_once: number of elements that are mapped at the same time.

    Returns:
        (results, [B, ...] each, valid: bool [B]).
    """
    count = tf.shape(tf.nest.flatten(elements)[0])[0]
    dataset = (
        tf.data.Dataset.from_tensor_slices((tf.range(count), elements))
        .map(
            lambda place, element: (place, function(element)),
            num_parallel_calls=at_once,
        )
        .ignore_errors(log_warning=False)
        # An element that cannot fail stands in: a batch of none would be an
        # error.
        .concatenate(tf.data.Dataset.from_tensors((count, otherwise)))
        .batch(tf.cast(count, tf.int64) + 1)
        .with_options(_short_lived())
    )
    places, results = dataset.get_single_element()
    last = tf.size(places) - 1  # the row of `otherwise`
    row_of = tf.tensor_scatter_nd_update(
        tf.fill([count + 1], last), places[:, None], tf.range(last + 1)
    )[:count]
    results = tf.nest.map_structure(
        lambda rows: tf.gather(rows, row_of), results
    )
    return results, row_of != last


def _short_lived() -> tf.data.Options:
    """Spares a dataset what pays for long-lived ones."""
    options = untuned()
    options.experimental_optimization.apply_default_optimizations = False
    return options
