"""The 143 dogs and cats of ImageNet that Rob-GAN takes, at 64 px; ``test`` is the validation split."""

from __future__ import annotations

from repro.data.dataset import DatasetInfo
from repro.data.readers.found import reader
from repro.data.readers.imagenet_classes import CLASSES_151_TO_293

DATASET = DatasetInfo(
    "ImageNet-143 (64 px)",
    height=64,
    width=64,
    classes=143,
    splits={"train": 180_373, "test": 7_150},
    folders=("imagenet", "imagenet143", "imagenet143_64"),
    tree=(
        "train/n02085620/*.JPEG ... train/n02130308/*.JPEG",
        "val/n02085620/*.JPEG ... val/n02130308/*.JPEG",
    ),
    signs=("train/n*/*.[jJpPwWbB]*", "val/n*/*.[jJpPwWbB]*"),  # .JPEG, and what else the reader takes
    not_signs=("wnids.txt",),  # Tiny-ImageNet's, whose folders are called alike
    needed=("train", "val"),
    subfolders=frozenset({"train", "val", *CLASSES_151_TO_293}),
    read=reader("imagenet"),
    decoded=True,
    by_hand="register at https://image-net.org, download ILSVRC2012, sort the images into class "
    "folders by WordNet id, and place all 1,000 of them, or only those of classes 151 to 293, in "
    "{folder}/train and {folder}/val",
)
