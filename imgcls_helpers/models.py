"""Models of the book: common tutorial programs, as printed and mended, and a fast net.

Every model here but the programs as printed takes raw uint8 images of shape
(N, H, W, C) and gives logits of shape (N, K): scaling is a layer inside, so that
training and serving cannot differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Imported before Keras: it picks the Keras backend.
from imgcls_helpers import _arguments, backend
from imgcls_helpers._arguments import number, refuse

# isort: split
import keras
from keras import layers

__all__ = [
    "PROGRAMS",
    "TutorialProgram",
    "fast_net",
    "tutorial_cnn",
    "whitening_filters",
]

_STEM = 4  # height and width of the stem's filters


def _input_shape(shape: Sequence[int], smallest: int) -> tuple[int, int, int]:
    expected = "(height, width, channels), three whole numbers above 0"
    if not isinstance(shape, (tuple, list)) or len(shape) != 3:
        cure = "A grey image has one channel: (28, 28, 1)."
        refuse("input_shape", expected, shape, cure=cure)
    height, width, channels = (
        number(n, "each of input_shape", 1, whole=True) for n in shape
    )
    if min(height, width) < smallest:
        refuse(
            "input_shape",
            f"of at least {smallest}x{smallest} pixels for this model",
            shape,
            cure="Its pooling would leave nothing.",
        )
    return height, width, channels


def _convolutions(filters: Sequence[int], *, pool_last: bool = True) -> list:
    """Return 3x3 convolutions with ReLU, and a maximum pooling after each."""
    stack = []
    for n in filters:
        stack += [layers.Conv2D(n, 3, activation="relu"), layers.MaxPooling2D(2)]
    return stack if pool_last else stack[:-1]


def _smallest(poolings: int, last_convolution: bool) -> int:
    """Return the size of image of which these layers leave one pixel."""
    size = 3 if last_convolution else 1
    for _ in range(poolings):
        size = 2 * size + 2
    return size


# --- Common tutorial programs -------------------------------------------------------


@dataclass(frozen=True)
class TutorialProgram:
    """A program as tutorials print it, and the same program mended.

    Attributes
    ----------
    title : str
        What it is, in words.
    input_shape : tuple of int
        Height, width, channels.
    filters : tuple of int
        Filters of its 3x3 convolutions.
    dense : int
        Units of its hidden dense layer.
    loss : str
        The loss as printed.
    from_logits : bool
        As printed; wrong wherever it is True, since the output is a softmax.
    pool_last : bool
        Whether the last convolution is pooled too.
    epochs, batch_size : int
        As printed.
    faults : tuple of str
        What is wrong with it, a sentence each.

    Examples
    --------
    >>> program = PROGRAMS["cifar10_two_convolutions"]
    >>> program.as_written().count_params()
    167562
    >>> program.mended().count_params()
    167562
    """

    title: str
    input_shape: tuple[int, int, int]
    filters: tuple[int, ...]
    dense: int
    loss: str
    epochs: int
    batch_size: int
    faults: tuple[str, ...]
    from_logits: bool = False
    pool_last: bool = True

    def as_written(self) -> keras.Model:
        """Return the compiled model as printed: images / 255 in, probabilities out.

        Its images are floats from 0 to 1. Its labels are class numbers of shape (N,)
        if `loss` is sparse, else one-hot of shape (N, 10).
        """
        model = keras.Sequential(
            [
                keras.Input(self.input_shape),
                *_convolutions(self.filters, pool_last=self.pool_last),
                layers.Flatten(),
                layers.Dense(self.dense, activation="relu"),
                layers.Dense(10, activation="softmax"),
            ]
        )
        loss = self.loss
        if self.from_logits:
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
        return model

    def mended(self) -> keras.Model:
        """Return the compiled model with its faults mended: uint8 in, logits out.

        Labels are class numbers of shape (N,). Layers, optimizer and sizes stay as
        printed, but for global average pooling where `Flatten` made one layer of
        millions of weights.
        """
        height, width, _ = self.input_shape
        model = tutorial_cnn(
            self.input_shape,
            filters=self.filters,
            dense=self.dense,
            pool_last=self.pool_last,
            global_pool=height * width > 64 * 64,
        )
        model.compile(
            optimizer="adam",
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
        return model


_SCALED_OUTSIDE = (
    "Images are divided by 255 outside the model, so whoever uses it later has to "
    "remember that."
)
_UNDEFINED_DATA = "The variables that hold the data are never defined."
_SPARSE = "sparse_categorical_crossentropy"

#: Common tutorial programs by name.
PROGRAMS: dict[str, TutorialProgram] = {
    "cifar10_two_convolutions": TutorialProgram(
        title="Two convolutions for CIFAR-10",
        input_shape=(32, 32, 3),
        filters=(32, 64),
        dense=64,
        loss=_SPARSE,
        epochs=10,
        batch_size=128,
        faults=(
            "The test set serves as validation data.",
            "Augmentation is promised, but images are only divided by 255.",
            _SCALED_OUTSIDE,
        ),
    ),
    "mnist_two_convolutions": TutorialProgram(
        title="Two convolutions for MNIST",
        input_shape=(28, 28, 1),
        filters=(32, 64),
        dense=64,
        loss=_SPARSE,
        epochs=10,
        batch_size=32,
        faults=(
            _UNDEFINED_DATA,
            "The text explains mean squared error, the program uses cross-entropy.",
            _SCALED_OUTSIDE,
        ),
    ),
    "cifar10_three_convolutions": TutorialProgram(
        title="Three convolutions for CIFAR-10",
        input_shape=(32, 32, 3),
        filters=(32, 64, 64),
        dense=64,
        loss=_SPARSE,
        from_logits=True,
        pool_last=False,
        epochs=10,
        batch_size=32,
        faults=(
            "from_logits=True stands beside a softmax output: two softmaxes in a row.",
            "The test set serves as validation data.",
            "The text says gradient descent and two convolutions, the program has "
            "Adam and three.",
            _SCALED_OUTSIDE,
        ),
    ),
    "large_images": TutorialProgram(
        title="Two convolutions for images of 224x224",
        input_shape=(224, 224, 3),
        filters=(32, 64),
        dense=128,
        loss="categorical_crossentropy",
        epochs=10,
        batch_size=32,
        faults=(
            _UNDEFINED_DATA,
            "The loss wants one-hot labels, and nothing makes them one-hot.",
            "Flatten gives 186,624 features, so one dense layer has 23.9 million "
            "weights.",
            _SCALED_OUTSIDE,
        ),
    ),
}


def tutorial_cnn(
    input_shape: Sequence[int] = (32, 32, 3),
    classes: int = 10,
    *,
    filters: Sequence[int] = (32, 64),
    dense: int = 64,
    pool_last: bool = True,
    global_pool: bool = False,
) -> keras.Model:
    """Return the network of the common tutorial program, with scaling inside.

    For each number in `filters` a 3x3 convolution with ReLU and a 2x2 maximum
    pooling, then a hidden dense layer with ReLU.

    Parameters
    ----------
    input_shape : tuple of int
        Height, width and channels of the images.
    classes : int
        Number of classes, K.
    filters : sequence of int
        Filters of each convolution.
    dense : int
        Units of the hidden dense layer.
    pool_last : bool
        Whether the last convolution is pooled too.
    global_pool : bool
        Global average pooling in place of `Flatten`.

    Returns
    -------
    keras.Model
        Not compiled. Raw uint8 images (N, H, W, C) in, logits (N, K) out.

    Raises
    ------
    ValueError
        If an argument is out of its range, or the images are too small.

    Examples
    --------
    >>> tutorial_cnn((28, 28, 1)).count_params()
    121930
    """
    number(classes, "classes", 2, whole=True)
    if not isinstance(filters, (tuple, list)) or not filters:
        refuse("filters", "a number for each convolution, such as (32, 64)", filters)
    filters = [number(n, "each of filters", 1, whole=True) for n in filters]
    shape = _input_shape(
        input_shape,
        _smallest(len(filters) - (not pool_last), last_convolution=not pool_last),
    )
    return keras.Sequential(
        [
            keras.Input(shape, dtype="uint8"),
            layers.Rescaling(1 / 255),
            *_convolutions(filters, pool_last=pool_last),
            layers.GlobalAveragePooling2D() if global_pool else layers.Flatten(),
            layers.Dense(number(dense, "dense", 1, whole=True), activation="relu"),
            layers.Dense(classes),
        ]
    )


# --- The fast net -------------------------------------------------------------------


def whitening_filters(
    images: np.ndarray, count: int, *, size: int = 4, epsilon: float = 0.01
) -> tuple[np.ndarray, np.ndarray]:
    """Return filters that whiten image patches, and their biases.

    With the covariance matrix C of the patches (of shape (D, D), D = size * size *
    channels), its eigenvectors ``e_i`` and eigenvalues ``l_i``, filter i is
    ``e_i / sqrt(l_i + epsilon)``: the outputs are uncorrelated and, where ``l_i`` is
    well above `epsilon`, of variance 1. The largest eigenvalues come first. Each
    filter stands there with both signs, so that a ReLU behind it loses nothing. The
    bias takes the mean away.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, H, W, C)
        Training images. At most 2,000 of them, evenly spaced, are used; fewer if they
        are larger than 32x32, so that memory and time stay the same.
    count : int
        Number of filters, even, at most ``2 * size * size * C``.
    size : int
        Height and width of a filter in pixels.
    epsilon : float
        Keeps patterns that hardly occur from being blown up. Of the scale of
        variances of pixels between 0 and 1.

    Returns
    -------
    kernel : ndarray of float32, shape (size, size, C, count)
        For images scaled to [0, 1].
    bias : ndarray of float32, shape (count,)

    Raises
    ------
    ValueError
        If `images` is no uint8 array of that shape, or a number is out of its range.

    References
    ----------
    Hyvärinen and Oja, Independent component analysis: algorithms and applications,
    Neural Networks 13 (2000), section 5, for whitening. Page, How to train your
    ResNet (2019), for whitening patches in the first layer.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> images = rng.integers(0, 256, (20, 16, 16, 1), dtype=np.uint8)
    >>> kernel, bias = whitening_filters(images, 8)
    >>> kernel.shape, bias.shape
    ((4, 4, 1, 8), (8,))
    """
    images = _arguments.images(images, channels=None)
    size = number(size, "size", 1, whole=True)
    if min(images.shape[1:3]) < size:
        refuse("images", f"of at least {size}x{size} pixels, as the filters", images)
    channels = images.shape[3]
    most = 2 * size * size * channels
    count = number(count, "count", 2, most, whole=True)
    if count % 2:
        refuse("count", f"even, both signs of {most // 2} filters at most", count)
    epsilon = number(epsilon, "epsilon", 0, above=True)
    enough = max(1, min(2000, 2000 * 32 * 32 // (images.shape[1] * images.shape[2])))
    few = images[:: -(-len(images) // enough)].astype(np.float32) / 255
    patches = np.lib.stride_tricks.sliding_window_view(few, (size, size), axis=(1, 2))
    # Every second position: neighbours say nearly the same.
    patches = patches[:, ::2, ::2].transpose(0, 1, 2, 4, 5, 3)
    patches = patches.reshape(-1, size * size * channels)
    mean = patches.mean(axis=0, dtype=np.float64)
    # Divided by the number of patches, so that a single one is enough.
    covariance = np.atleast_2d(np.cov(patches.T, bias=True))
    values, vectors = np.linalg.eigh(covariance)
    # Rounding can leave an eigenvalue of 0 a little below it.
    filters = vectors / np.sqrt(np.maximum(values, 0) + epsilon)
    filters = filters[:, ::-1][:, : count // 2]
    filters = np.concatenate([filters, -filters], axis=1)
    kernel = filters.reshape(size, size, channels, count)
    return kernel.astype(np.float32), (-mean @ filters).astype(np.float32)


def fast_net(
    input_shape: Sequence[int] = (32, 32, 3),
    classes: int = 10,
    *,
    width: int = 32,
    images: np.ndarray | None = None,
    dtype: str | None = None,
) -> keras.Model:
    """Return a small net that learns much in little time.

    A stem of 4x4 filters at stride 2, which whitens patches and stays as it is; then
    three 3x3 convolutions, each followed by maximum pooling, batch normalization and
    ReLU, in this order, so that normalization has a quarter of the work; global
    maximum pooling; one dense layer.

    Parameters
    ----------
    input_shape : tuple of int
        Height, width and channels of the images; at least 8x8.
    classes : int
        Number of classes, K.
    width : int
        The stem has twice as many filters, but no more than there are patterns; the
        convolutions have 2, 4 and 4 times as many.
    images : ndarray of uint8, shape (N, H, W, C), optional
        Training images, from which the stem's filters are computed. Without them, the
        stem starts at random and learns.
    dtype : str, optional
        Keras's dtype policy of convolutions and pooling, such as "mixed_bfloat16".
        Default: the global one. Normalization and logits are float32 in any case. A
        precision that the processor only imitates gives a warning.

    Returns
    -------
    keras.Model
        Not compiled. Raw uint8 images (N, H, W, C) in, logits (N, K) out.

    Raises
    ------
    ValueError
        If an argument is out of its range, or `images` is no uint8 array of the shape
        that `input_shape` says.

    References
    ----------
    Page, How to train your ResNet (2019), and Jordan, 94% on CIFAR-10 in 3.29 seconds
    on a single GPU, arXiv:2404.00498, from where the whitening stem and the pooling
    before normalization are known.

    Examples
    --------
    >>> fast_net((28, 28, 1), width=16).output_shape
    (None, 10)
    """
    shape = _input_shape(input_shape, 8)
    classes = number(classes, "classes", 2, whole=True)
    width = number(width, "width", 1, whole=True)
    if images is not None:
        images = _arguments.images(images, channels=None)
        if images.shape[1:] != shape:
            of = f"(N, {', '.join(map(str, shape))})"
            refuse("images", f"of shape {of}, as input_shape says", images)
    # More filters than patterns of 4x4 pixels, with both signs, cannot be.
    stem_filters = 2 * min(width, _STEM * _STEM * shape[2])
    stem = layers.Conv2D(
        stem_filters, _STEM, strides=2, padding="same", dtype=dtype, name="stem"
    )
    stack = [
        keras.Input(shape, dtype="uint8"),
        layers.Rescaling(1 / 255, dtype=dtype),
        stem,
        layers.Activation("relu", dtype=dtype),
    ]
    side = -(-min(shape[:2]) // 2)  # what the stem leaves
    for times in (2, 4, 4):
        stack.append(
            layers.Conv2D(times * width, 3, padding="same", use_bias=False, dtype=dtype)
        )
        if side > 1:
            stack.append(layers.MaxPooling2D(2, dtype=dtype))
            side //= 2
        stack += [
            # In float32: more exact, and on a CPU faster than bfloat16.
            layers.BatchNormalization(momentum=0.9, scale=False, dtype="float32"),
            layers.Activation("relu", dtype="float32"),
        ]
    stack += [
        layers.GlobalMaxPooling2D(dtype="float32"),
        layers.Dense(classes, dtype="float32"),
    ]
    model = keras.Sequential(stack)
    backend.warn_of_imitation(layer.compute_dtype for layer in model.layers)
    if images is not None:
        stem.set_weights(whitening_filters(images, stem_filters, size=_STEM))
        stem.trainable = False
    return model
