"""What is known beforehand about the data sets that are downloaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

_STORAGE = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_CIFAR = "https://www.cs.toronto.edu/~kriz/"
MD5 = 32  # digits


@dataclass(frozen=True)
class Known:
    """What is known beforehand about a data set that is downloaded."""

    title: str
    shape: tuple[int, int, int]
    classes: str  # their names in order, with commas between them
    licence: str
    url: str  # a file that the download begins with
    megabytes: int
    # Files that Keras leaves in its cache, each with the sha256 of the original,
    # which Keras checks, or the md5, where it checks nothing.
    cached: Mapping[str, str]

    @property
    def class_names(self) -> tuple[str, ...]:
        return tuple(self.classes.split(", "))


KNOWN = {
    "mnist": Known(
        "MNIST",
        (28, 28, 1),
        "0, 1, 2, 3, 4, 5, 6, 7, 8, 9",
        "CC BY-SA 3.0 (LeCun, Cortes and Burges)",
        _STORAGE + "mnist.npz",
        11,
        {
            "mnist.npz": (
                "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
            )
        },
    ),
    "fashion_mnist": Known(
        "Fashion-MNIST",
        (28, 28, 1),
        (
            "T-shirt/top, trouser, pullover, dress, coat, sandal, shirt, "
            "sneaker, bag, ankle boot"
        ),
        "MIT (Zalando SE)",
        _STORAGE + "train-labels-idx1-ubyte.gz",
        30,
        # As its authors give it: github.com/zalandoresearch/fashion-mnist.
        {
            f"fashion-mnist/{name}-ubyte.gz": md5
            for name, md5 in (
                ("train-labels-idx1", "25c81989df183df01b3e8a0aad5dffbe"),
                ("train-images-idx3", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
                ("t10k-labels-idx1", "bb300cfdad3c16e7a12a480ee83cd310"),
                ("t10k-images-idx3", "bef4ecab320f06d8554ea6380940ec79"),
            )
        },
    ),
    "cifar10": Known(
        "CIFAR-10",
        (32, 32, 3),
        "airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck",
        "none stated; cite Krizhevsky (2009)",
        _CIFAR + "cifar-10-python.tar.gz",
        170,
        {
            "cifar-10-batches-py-target_archive": (
                "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
            )
        },
    ),
    "cifar100": Known(
        "CIFAR-100",
        (32, 32, 3),
        (
            "apple, aquarium fish, baby, bear, beaver, bed, bee, beetle, "
            "bicycle, bottle, bowl, boy, bridge, bus, butterfly, camel, can, "
            "castle, caterpillar, cattle, chair, chimpanzee, clock, cloud, "
            "cockroach, couch, crab, crocodile, cup, dinosaur, dolphin, "
            "elephant, flatfish, forest, fox, girl, hamster, house, kangaroo, "
            "keyboard, lamp, lawn mower, leopard, lion, lizard, lobster, man, "
            "maple tree, motorcycle, mountain, mouse, mushroom, oak tree, "
            "orange, orchid, otter, palm tree, pear, pickup truck, pine tree, "
            "plain, plate, poppy, porcupine, possum, rabbit, raccoon, ray, "
            "road, rocket, rose, sea, seal, shark, shrew, skunk, skyscraper, "
            "snail, snake, spider, squirrel, streetcar, sunflower, sweet "
            "pepper, table, tank, telephone, television, tiger, tractor, train, "
            "trout, tulip, turtle, wardrobe, whale, willow tree, wolf, woman, "
            "worm"
        ),
        "none stated; cite Krizhevsky (2009)",
        _CIFAR + "cifar-100-python.tar.gz",
        169,
        {
            "cifar-100-python-target_archive": (
                "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7"
            )
        },
    ),
}
DOWNLOADS = tuple(KNOWN)
KEYS = ("x_train", "y_train", "x_test", "y_test")
Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
