"""Where images come from: the data sets of the book and your own folders.

Every function here returns the same two types. A `Dataset` has three parts,
``train``, ``validation`` and ``test``; a `Part` holds images (uint8, one
picture a row, channels last) and their labels. Random choices are made by
`numpy.random.RandomState`, whose streams never change, so that a seed gives
the same split on every machine and with every version of NumPy.
"""

from imgcls_helpers.data._dataset import Dataset
from imgcls_helpers.data._folder import load_image_folder
from imgcls_helpers.data._known import DOWNLOADS
from imgcls_helpers.data._load import DataUnavailableError, dataset_file, load_dataset
from imgcls_helpers.data._one_hot import one_hot
from imgcls_helpers.data._part import Part
from imgcls_helpers.data._splits import split_indices

__all__ = [
    "DOWNLOADS",
    "DataUnavailableError",
    "Dataset",
    "Part",
    "dataset_file",
    "load_dataset",
    "load_image_folder",
    "one_hot",
    "split_indices",
]
