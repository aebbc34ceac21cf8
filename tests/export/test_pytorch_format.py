"""Weights for PyTorch: the files, and the module beside them."""

import importlib.util
import json
import pathlib
import sys
import textwrap

import numpy as np
import pytest
import safetensors
from safetensors.numpy import load_file

from alexnet_tf.errors import UserError
from alexnet_tf.evaluation.ten_crop import ten_crop_probabilities
from alexnet_tf.network import WEIGHTED_LAYERS, build_network
from alexnet_tf.options import Options
from alexnet_tf.run.folder import Run
from alexnet_tf.run.trained import load_trained
from export.pytorch_format import MODULE, write_safetensors
from modes import export, import_weights
from tests.signal_network import random_mean

NEEDS_TORCH = "needs PyTorch: pip install --group bench"


@pytest.fixture(scope="module")
def exported_weights(tmp_path_factory, finished_run):
    """Folder of an export to safetensors. Read only."""
    folder = tmp_path_factory.mktemp("exports") / "deep" / "alexnet"
    options = Options(
        config=None,
        run=str(finished_run),
        export_dir=str(folder),
        format="safetensors",
    )
    assert export.main(options) == 0
    return folder


def import_again(file, run, **more):
    options = Options(config=None, run=str(run), weights=str(file), **more)
    assert import_weights.main(options) == 0
    return load_trained(Run(run))


def assert_same_answers(one, other):
    random = np.random.default_rng(0)
    records = random.integers(0, 256, (3, 256, 256, 3), np.uint8)
    np.testing.assert_array_equal(
        ten_crop_probabilities(one.network, records, one.crop),
        ten_crop_probabilities(other.network, records, other.crop),
    )
    assert one.class_names == other.class_names


def test_the_files(exported_weights):
    names = sorted(path.name for path in exported_weights.iterdir())
    assert names == ["alexnet.safetensors", "alexnet_pytorch.py"]
    arrays = load_file(exported_weights / "alexnet.safetensors")
    shapes = {name: array.shape for name, array in arrays.items()}
    # At 1/16 of the paper's width.
    assert shapes["conv1.weight"] == (6, 3, 11, 11)
    assert shapes["conv2.weight"] == (16, 3, 5, 5)
    assert shapes["conv3.weight"] == (24, 16, 3, 3)
    assert shapes["fc6.weight"] == (256, 576)
    assert shapes["fc8.bias"] == (3,)
    assert shapes["mean"] == (3, 224, 224)
    assert len(shapes) == 17
    assert {array.dtype for array in arrays.values()} == {np.dtype("f4")}


def test_the_metadata(exported_weights, finished_run):
    file = exported_weights / "alexnet.safetensors"
    with safetensors.safe_open(file, "numpy") as opened:
        metadata = opened.metadata()
    assert metadata["format"] == "pt"
    assert json.loads(metadata["config"])["model"]["width"] == 1 / 16
    dataset = json.loads(metadata["dataset"])
    assert dataset["class_names"] == ["blue", "green", "red"]
    # The folder is of this machine.
    assert dataset["data_dir"] is None
    assert Run(finished_run).read_dataset()["data_dir"] is not None


def test_there_and_back(exported_weights, finished_run, tmp_path):
    file = exported_weights / "alexnet.safetensors"
    again = import_again(file, tmp_path / "run")
    assert_same_answers(load_trained(Run(finished_run)), again)
    before, after = (
        Run(path).read_config() for path in (finished_run, tmp_path / "run")
    )
    assert before.to_dict() == after.to_dict()
    dataset = Run(tmp_path / "run").read_dataset()
    assert dataset["train_images"] == 72
    assert dataset["imported_from"]["file"] == "alexnet.safetensors"


def test_a_single_value_can_be_changed(exported_weights, tmp_path):
    import_again(
        exported_weights / "alexnet.safetensors",
        tmp_path / "run",
        overrides={"data.holdout": 0.2},
    )
    assert Run(tmp_path / "run").read_config().data.holdout == 0.2


def test_it_brings_its_config(exported_weights, tmp_path, options_for):
    options = options_for(tmp_path / "run")
    options.weights = str(exported_weights / "alexnet.safetensors")
    options.config_given = True
    with pytest.raises(UserError, match="brings its own config: leave"):
        import_weights.main(options)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_a_file_cut_short(share, exported_weights, tmp_path):
    data = (exported_weights / "alexnet.safetensors").read_bytes()
    file = tmp_path / "alexnet.safetensors"
    file.write_bytes(data[: int(share * len(data))])
    with pytest.raises(UserError, match=r"alexnet.safetensors cannot be read"):
        import_again(file, tmp_path / "run")
    assert list(tmp_path.iterdir()) == [file]


def test_an_option_that_the_module_does_not_know(finished_run, tmp_path):
    run = Run(tmp_path / "run")
    trained = load_trained(Run(finished_run))
    config = Run(finished_run).read_config()
    config.model.exchange_precision = "float16"
    run.create(config)
    with pytest.raises(UserError, match=r"know model\.exchange_precision"):
        write_safetensors(tmp_path / "model", run, trained)
    assert not (tmp_path / "model").exists()


def test_an_unwritable_folder_is_one_clear_line(finished_run, tmp_path):
    (tmp_path / "file").touch()
    trained = load_trained(Run(finished_run))
    with pytest.raises(UserError, match=r"--export_dir=.* cannot be written"):
        write_safetensors(tmp_path / "file" / "x", Run(finished_run), trained)


@pytest.mark.parametrize(
    ("format", "package", "words"),
    [
        ("safetensors", "safetensors", r"--group weights"),
        ("pytorch", "torch", "pip install torch"),
    ],
)
def test_without_the_package_nothing_is_written(
    format, package, words, finished_run, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, package, None)
    options = Options(
        config=None,
        run=str(finished_run),
        export_dir=str(tmp_path / "model"),
        format=format,
    )
    with pytest.raises(UserError, match=words):
        export.main(options)
    assert not any(tmp_path.iterdir())


def test_a_pytorch_file_without_pytorch(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    (tmp_path / "alexnet.pt").touch()
    with pytest.raises(UserError, match="pip install torch"):
        import_again(tmp_path / "alexnet.pt", tmp_path / "run")


def module_at(path):
    """The module of a file, as if its folder were all there is."""
    spec = importlib.util.spec_from_file_location("alexnet_pytorch", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def network_with_varied_logits(model):
    """A narrow network whose logits depend on the image."""
    network = build_network(model)
    network.get_layer("mean").set_mean(random_mean())
    random = np.random.default_rng(1)
    for name in WEIGHTED_LAYERS:
        layer = network.get_layer(name)
        for kernel in layer.kernels:
            gain = (2 / np.prod(kernel.shape[:-1])) ** 0.5
            kernel.assign(random.normal(0, gain, kernel.shape))
        for bias in layer.biases:
            bias.assign(random.normal(0, 0.1, bias.shape))
    return network


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"crop": 227, "lrn.scope": "layer", "lrn.k": 1.0, "lrn.alpha": 0.01},
        {"towers": 1, "mean": "rgb", "lrn.scope": "none"},
        {"dropout": 0.2},
        {"dropout": 0.2, "dropout_kind": "inverted"},
        {"activation": "tanh", "pool_size": 2, "lrn.n": 3, "crop": 113},
        {
            "channel_order": "bgr",
            "mean": "given",
            "mean_values": (122.0, 116.0, 104.0),
            "input_divisor": 1.1,
        },
    ],
    ids=str,
)
def test_the_module_gives_our_logits(options, tmp_path):
    torch = pytest.importorskip("torch", reason=NEEDS_TORCH)
    from alexnet_tf.run.trained import TrainedNetwork
    from configs import paper
    from tests.test_torch_oracle import random_images

    options = {"width": 1 / 8, "num_classes": 10, **options}
    config = paper.get_config()
    config.model.update_from_flattened_dict(options)
    network = network_with_varied_logits(config.model)
    run = Run(tmp_path / "run")
    run.create(config)
    run.dataset_file.write_text('{"class_names": []}')
    crop = config.model.crop
    file = write_safetensors(
        tmp_path / "model", run, TrainedNetwork(network, crop, ())
    )
    peer = module_at(file.with_name(MODULE.name)).AlexNet.of_config(
        run.config_file.read_text()
    )
    from safetensors.torch import load_file as load_tensors

    peer.load_state_dict(load_tensors(file))
    images = random_images(crop)
    with torch.no_grad():
        theirs = peer.eval()(torch.tensor(images.transpose(0, 3, 1, 2))).numpy()
    ours = network(images).numpy()
    scale = np.abs(theirs - network.get_layer("fc8").biases[0]).max()
    assert np.ptp(theirs, axis=0).mean() > 0.01 * scale
    assert np.abs(ours - theirs).max() <= 1e-4 * scale


def test_dropout_of_the_module():
    torch = pytest.importorskip("torch", reason=NEEDS_TORCH)
    from configs import paper

    model = paper.get_config().model.to_dict() | {"width": 1 / 16}
    x = torch.rand(100, 200) + 1
    dropout = module_at(MODULE).AlexNet(model).dropout
    dropped = dropout.train()(x)
    kept = dropped != 0
    assert abs(kept.double().mean() - 0.5) < 0.05
    assert torch.equal(dropped[kept], x[kept])
    assert torch.equal(dropout.eval()(x), x / 2)
    # A file from before there were two kinds.
    del model["dropout_kind"]
    dropout = module_at(MODULE).AlexNet(model).dropout
    dropped = dropout.train()(x)
    kept = dropped != 0
    assert torch.equal(dropped[kept], 2 * x[kept])
    assert torch.equal(dropout.eval()(x), x)


def test_a_pytorch_file_there_and_back(finished_run, tmp_path, monkeypatch):
    torch = pytest.importorskip("torch", reason=NEEDS_TORCH)
    options = Options(
        config=None,
        run=str(finished_run),
        export_dir=str(tmp_path / "model"),
        format="pytorch",
    )
    assert export.main(options) == 0
    file = tmp_path / "model" / "alexnet.pt"
    again = import_again(file, tmp_path / "run")
    assert_same_answers(load_trained(Run(finished_run)), again)
    # The two programs in the module's docstring.
    trained = load_trained(Run(finished_run))
    write_safetensors(file.parent, Run(finished_run), trained)
    _, rest = MODULE.read_text().split("to be taken along:")
    first, rest = rest.split("or, with safetensors:")
    second, _ = rest.split("`images` are")
    monkeypatch.chdir(file.parent)
    monkeypatch.syspath_prepend(file.parent)
    images = torch.zeros(2, 3, 224, 224, dtype=torch.uint8)
    one = {"images": images}
    exec(textwrap.dedent(first), one)
    other = {"AlexNet": one["AlexNet"]}
    exec(textwrap.dedent(second), other)
    zeros = np.zeros((2, 224, 224, 3), np.uint8)
    ours = again.network(zeros).numpy()
    for theirs in (one["logits"], other["network"].eval()(images)):
        np.testing.assert_allclose(theirs.detach(), ours, rtol=0, atol=1e-4)


def test_a_checkpoint_of_pytorchs_examples(finished_run, tmp_path):
    """Named like a tar file, with DataParallel's names in it."""
    torch = pytest.importorskip("torch", reason=NEEDS_TORCH)
    folder = tmp_path / "model"
    options = Options(
        config=None,
        run=str(finished_run),
        export_dir=str(folder),
        format="pytorch",
    )
    assert export.main(options) == 0
    saved = torch.load(folder / "alexnet.pt", weights_only=True)
    saved["state_dict"] = {
        f"module.{name}": tensor for name, tensor in saved["state_dict"].items()
    }
    file = folder / "model_best.pth.tar"
    torch.save({**saved, "epoch": 3, "arch": "alexnet"}, file)
    again = import_again(file, tmp_path / "run")
    assert_same_answers(load_trained(Run(finished_run)), again)


def test_a_state_dict_alone(finished_run, options_for, tmp_path):
    torch = pytest.importorskip("torch", reason=NEEDS_TORCH)
    folder = tmp_path / "model"
    trained = load_trained(Run(finished_run))
    arrays = load_file(write_safetensors(folder, Run(finished_run), trained))
    tensors = {name: torch.tensor(array) for name, array in arrays.items()}
    file = folder / "plain.pt"
    torch.save(tensors, file)
    options = options_for(tmp_path / "run")
    options.weights, options.config_given = str(file), True
    options.overrides = {"data.name": "folder"}
    assert import_weights.main(options) == 0
    assert_same_answers(trained, load_trained(Run(tmp_path / "run")))
    del tensors["fc7.bias"]
    tensors["features.0.weight"] = tensors["conv1.bias"]
    torch.save(tensors, file)
    options.run = str(tmp_path / "other")
    with pytest.raises(UserError, match=r"features\.0.*without fc7\.bias"):
        import_weights.main(options)


@pytest.mark.parametrize("value", [b"", b"<html>", b"PK\x03\x04"])
def test_something_else_by_that_name(value, tmp_path):
    pytest.importorskip("torch", reason=NEEDS_TORCH)
    file = tmp_path / "alexnet.pt"
    file.write_bytes(value)
    with pytest.raises(UserError, match=r"alexnet\.pt cannot be read"):
        import_again(file, tmp_path / "run")


def test_a_program_in_a_pytorch_file_does_not_run(tmp_path):
    torch = pytest.importorskip("torch", reason=NEEDS_TORCH)

    class Attack:
        def __reduce__(self):
            return pathlib.Path.touch, (tmp_path / "marker",)

    file = tmp_path / "alexnet.pt"
    torch.save({"state_dict": Attack()}, file)
    with pytest.raises(UserError, match="no state dict of PyTorch"):
        import_again(file, tmp_path / "run")
    assert list(tmp_path.iterdir()) == [file]
