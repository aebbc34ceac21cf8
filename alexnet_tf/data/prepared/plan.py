"""Which examples go into which shard."""

import dataclasses
import json
import pathlib

import tensorflow as tf

from alexnet_tf.data.image_set import Split
from alexnet_tf.data.prepared.description import VERSION
from alexnet_tf.data.prepared.format import FORMATS
from alexnet_tf.errors import UserError
from alexnet_tf.files.atomic import readable, write_text

ORDER_SEED = 2012


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """What a preparation does; two equal plans give equal files.

    Attributes:
        source: name of the source.
        fingerprint: of its images.
        record_format: "jpeg" or "raw".
        sizes: {"train": number of examples, ...}.
        version: of the files and the pixels in them.
    """

    source: str
    fingerprint: str
    record_format: str
    sizes: dict
    version: int = VERSION

    def shards(self, split: str) -> list[tuple[str, int, int]]:
        """[(file name, begin, end)]: examples begin..end - 1 of each."""
        record_format = FORMATS[self.record_format]
        size, step = self.sizes[split], record_format.shard_size
        begins = range(0, size, step)
        return [
            (
                f"{split}-{i:05d}-of-{len(begins):05d}.{record_format.extension}",
                begin,
                min(begin + step, size),
            )
            for i, begin in enumerate(begins)
        ]

    def agree_with(self, file: pathlib.Path) -> None:
        """Writes the plan to `file`, or compares it with the one there.

        Raises:
            UserError: another preparation was begun there.
        """
        if file.is_file():
            with readable(file):
                begun = json.loads(file.read_text())
            mine = dataclasses.asdict(self)
            changed = [k for k in mine if mine[k] != begun.get(k)]
            if changed:
                raise UserError(
                    f"{file.parent.parent} holds the beginning of another "
                    f"preparation ({', '.join(changed)} differ): continue "
                    "that one, or name another --prepared_dir"
                )
        else:
            write_text(file, json.dumps(dataclasses.asdict(self)) + "\n")


def in_writing_order(split: Split) -> tf.data.Dataset:
    """The examples of a `Split` in the order of their shards.

    Tables are shuffled, since folders and archives hold one class after the
    other. What comes from TFDS has mostly been shuffled by it; where not, it
    is when the prepared set is read, see `Records.mix`.
    """
    if split.table:
        return split.examples.shuffle(
            split.size, seed=ORDER_SEED, reshuffle_each_iteration=False
        )
    return split.examples
