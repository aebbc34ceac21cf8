"""PCA lighting against the covariance that the formula implies."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from alexnet_tf.layers.input import PCALighting

IMAGES = 40_000
# Of RGB pixels on the 0..255 scale; no symmetry that could hide a transpose.
COVARIANCE = np.array(
    [[4800.0, 3900.0, 2500.0], [3900.0, 4500.0, 3300.0], [2500, 3300, 5200]]
)


def lighting(covariance=COVARIANCE, **kwargs):
    layer = PCALighting(**kwargs)
    layer.build((None, None, None, 3))
    eigenvalues, eigenvectors = np.linalg.eigh(covariance)
    layer.set_principal_components(eigenvectors, eigenvalues)
    return layer


def offsets(layer, images=IMAGES):
    """What is added to `images` black images of one pixel."""
    output = layer(tf.zeros((images, 1, 1, 3)), training=True)
    return output.numpy()[:, 0, 0, :].astype(np.float64)


# With a = N(0, std) and COVARIANCE = P L P^T, P (a * sqrt(L)) has covariance
# std^2 P L P^T. With pixels and eigenvalues on 0..1, P (a * L / 255^2) has
# std^2 P L^2 P^T / 255^4, which is 255^2 times as much on 0..255.
EXPECTED = {
    "square_roots": COVARIANCE,
    "eigenvalues": COVARIANCE @ COVARIANCE / 255**2,
}


@pytest.mark.parametrize("std", [0.1, 0.5])
@pytest.mark.parametrize("scale", EXPECTED)
def test_covariance_of_the_offsets(scale, std):
    drawn = offsets(lighting(scale=scale, std=std))
    expected = std**2 * EXPECTED[scale]
    variances = np.diag(expected)
    assert np.all(np.abs(drawn.mean(0)) < 5 * np.sqrt(variances / IMAGES))
    # Standard error of a sample covariance of normal variables.
    error = np.sqrt((np.outer(variances, variances) + expected**2) / IMAGES)
    measured = np.cov(drawn, rowvar=False)
    np.testing.assert_array_less(np.abs(measured - expected), 5 * error)


@pytest.mark.parametrize(
    ("scale", "eigenvalues", "grey_levels"),
    [
        # Published for ImageNet, the first on 0..1, as variances.
        ("eigenvalues", 255**2 * np.array([0.2175, 0.0188, 0.0045]), 5.5),
        # Those of the 2012 code, 0..255, as standard deviations.
        ("square_roots", np.array([121.78, 37.09, 19.72]) ** 2, 12.2),
    ],
)
def test_offsets_of_imagenet_along_its_first_component(
    scale, eigenvalues, grey_levels
):
    vectors = np.linalg.eigh(COVARIANCE)[1]
    covariance = vectors @ np.diag(eigenvalues) @ vectors.T
    along_first = offsets(lighting(covariance, scale=scale)) @ vectors[:, 0]
    error = grey_levels / np.sqrt(2 * IMAGES)
    assert along_first.std() == pytest.approx(grey_levels, abs=0.05 + 5 * error)


def test_an_image_has_one_offset_and_images_differ():
    pixels = np.random.default_rng(0).uniform(-100, 100, (6, 5, 4, 3))
    pixels = pixels.astype(np.float32)
    added = lighting()(pixels, training=True).numpy() - pixels
    one_each = added[:, :1, :1, :]
    np.testing.assert_allclose(added, one_each + 0 * added, atol=2e-5)
    assert len(np.unique(one_each[:, 0, 0, 0])) == 6
    assert np.abs(one_each).min() > 1e-4


@pytest.mark.parametrize(
    ("std", "training"), [(0.1, False), (0.0, True), (0.1, None)]
)
def test_none_at_inference_or_without_deviation(std, training):
    images = np.ones((2, 3, 3, 3), np.float32)
    arguments = {} if training is None else {"training": training}
    output = lighting(std=std)(images, **arguments)
    np.testing.assert_array_equal(output, images)


def test_calls_differ_and_follow_from_the_seed():
    first, same, other = (lighting(seed=seed) for seed in (1, 1, 2))
    a, b = offsets(first, 4), offsets(first, 4)
    assert not np.isin(a, b).any()
    np.testing.assert_array_equal(offsets(same, 4), a)
    np.testing.assert_array_equal(offsets(same, 4), b)
    assert not np.isin(offsets(other, 4), a).any()


def test_inference_takes_no_draw():
    layer, undisturbed = lighting(), lighting()
    layer(tf.zeros((4, 1, 1, 3)), training=False)
    np.testing.assert_array_equal(offsets(layer, 4), offsets(undisturbed, 4))


def test_weight_files_continue_the_draws(tmp_path):
    def model():
        return keras.Sequential([keras.Input((1, 1, 3)), PCALighting(seed=3)])

    saved, loaded = model(), model()
    eigenvalues, eigenvectors = np.linalg.eigh(COVARIANCE)
    saved.layers[0].set_principal_components(eigenvectors, eigenvalues)
    offsets(saved, 4), offsets(saved, 4)
    file = tmp_path / "lighting.weights.h5"
    saved.save_weights(file)
    loaded.load_weights(file)
    for _ in range(2):
        expected = offsets(saved, 4)
        assert np.abs(expected).max() > 0
        np.testing.assert_array_equal(offsets(loaded, 4), expected)


def test_the_divisor_of_2012():
    """In training and while there is noise; never at test time."""
    images = np.random.default_rng(0).uniform(-100, 100, (6, 5, 4, 3))
    images = images.astype(np.float32)
    plain, divided = lighting(seed=5), lighting(seed=5, divisor=1.1)
    lit = plain(images, training=True).numpy().astype(np.float64)
    assert np.abs(lit - images).max() > 1
    np.testing.assert_allclose(
        divided(images, training=True), lit / 1.1, rtol=1e-6
    )
    np.testing.assert_array_equal(divided(images, training=False), images)
    divided.switch(False)
    np.testing.assert_array_equal(divided(images, training=True), images)
    divided.switch(True)
    lit = plain(images, training=True), plain(images, training=True)
    np.testing.assert_allclose(
        divided(images, training=True), lit[1] / 1.1, rtol=1e-6
    )


def test_no_noise_no_divisor():
    images = np.ones((2, 3, 3, 3), np.float32)
    output = lighting(std=0.0, divisor=1.1)(images, training=True)
    np.testing.assert_array_equal(output, images)


def test_an_unknown_scale_is_refused():
    with pytest.raises(ValueError, match="eigenvalues or square_roots, not x"):
        PCALighting(scale="x")
