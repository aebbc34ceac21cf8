"""--mode=codes: short binary codes for the images of an index."""

from alexnet_tf.config import check_config
from alexnet_tf.errors import UserError
from alexnet_tf.files.text import counted
from alexnet_tf.options import Options
from alexnet_tf.retrieval import code_search
from alexnet_tf.retrieval.codes import write_codes
from alexnet_tf.retrieval.faiss_library import load_faiss
from alexnet_tf.retrieval.image_index import ImageIndex
from alexnet_tf.run.folder import trained_run
from alexnet_tf.terminal.command import command


def main(options: Options) -> int:
    """Trains an auto-encoder on the vectors of an index; returns 0."""
    check_config(options.config)
    if options.codes == 0 or options.codes % 8:
        raise UserError(
            "--mode=codes needs --codes=BITS, a multiple of 8 such as 128"
        )
    if options.index_kind not in code_search.KINDS:
        raise UserError(
            f"--index_kind={options.index_kind} is not for codes: "
            f"{', '.join(code_search.KINDS)} are"
        )
    load_faiss()  # now, not after the training
    if options.run or not options.index_dir:
        run = trained_run(options.run)
    folder = options.index_dir or run.index_folder
    index = ImageIndex(folder)
    if options.run:
        index.check_made_with(run)
    write_codes(
        index, options.codes, options.config.retrieval, options.index_kind
    )
    found = {"index_dir": folder, "codes": options.codes, "image": "FILE"}
    print(
        f"{folder} has codes of {options.codes} bits for its "
        f"{counted(len(index.images), 'image')}\n"
        f"next: {command('search', **found)}"
    )
    return 0
