"""What is hidden while TensorFlow is imported."""

import importlib
import subprocess
import sys

import pytest

from alexnet_tf.terminal.quiet_start import scikit_learn_hidden


def test_scikit_learn_is_there_again_after_the_block(monkeypatch):
    monkeypatch.delitem(sys.modules, "sklearn", raising=False)
    with scikit_learn_hidden(), pytest.raises(ImportError):
        importlib.import_module("sklearn")
    assert importlib.import_module("sklearn").__version__


def test_who_has_imported_scikit_learn_keeps_it():
    sklearn = importlib.import_module("sklearn")
    with scikit_learn_hidden():
        assert importlib.import_module("sklearn") is sklearn


def test_keras_does_without():
    program = (
        "import sys\n"
        "from alexnet_tf.terminal.quiet_start import scikit_learn_hidden\n"
        "with scikit_learn_hidden():\n"
        "    import keras\n"
        "layer = keras.layers.Dense(3)\n"
        "layer.build((1, 2))\n"
        "print(layer.kernel.shape, 'scipy.stats' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True
    )
    assert done.stdout == "(2, 3) False\n", done.stderr
