"""Images per second on one core in Python: decode, resize to 256 x 512 and augment, with OpenCV and albumentations.

The counterpart of `cargo bench --bench data`, on the same images, with the same augmentations and probabilities.
Images are resized before augmentation, as our cache stores them; that order is also the faster one in Python.

    pip install opencv-python-headless albumentations
    python data_throughput.py FOLDER_OF_IMAGES
"""

import pathlib
import sys
import time

import albumentations as A
import cv2
import numpy as np

COUNT, WIDTH, HEIGHT, ROUNDS = 32, 256, 512, 9


def pipeline():
    return A.Compose(
        [
            A.RandomCropFromBorders(0.0, 0.0, 0.05, 0.05, p=0.25),
            A.Resize(HEIGHT, WIDTH),
            A.HorizontalFlip(p=0.5),
            A.Affine(rotate=(-15, 15), fit_output=True, p=0.5),
            A.Resize(HEIGHT, WIDTH),
            A.Affine(scale=(0.9, 1.2), p=0.5),
            A.Affine(translate_percent=(-0.05, 0.05), p=0.5),
            A.RandomBrightnessContrast(0.2, 0.2, p=0.5),
            A.RandomGamma((80, 125), p=0.5),
            A.GaussNoise(std_range=(0.0, 0.02), p=0.25),
        ],
        keypoint_params=A.KeypointParams(format="xy", remove_invisible=False),
        seed=1,
    )


def median_rate(work, paths):
    rates = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for path in paths:
            work(path)
        rates.append(len(paths) / (time.perf_counter() - start))
    return sorted(rates)[ROUNDS // 2]


def main():
    folder = pathlib.Path(sys.argv[1])
    paths = sorted(p for p in folder.iterdir() if p.suffix in (".jpg", ".png"))[:COUNT]
    cv2.setNumThreads(1)
    augment = pipeline()

    def decode(path):
        return cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)

    def resized(image):
        return cv2.resize(image, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)

    def changed(image):
        keypoints = np.random.default_rng(1).uniform(0, WIDTH, (68, 2)).astype(np.float32)
        out = augment(image=image, keypoints=keypoints)
        return out["image"].astype(np.float32) * (2 / 255) - 1

    kept = {path: resized(decode(path)) for path in paths}
    print(f"{len(paths)} images, OpenCV {cv2.__version__}, albumentations {A.__version__}")
    print(f"decode, resize, augment: {median_rate(lambda p: changed(resized(decode(p))), paths):8.1f} images/s")
    print(f"augment kept images:     {median_rate(lambda p: changed(kept[p]), paths):8.1f} images/s")
    print(f"decode:                  {median_rate(decode, paths):8.1f} images/s")
    print(f"decode, resize:          {median_rate(lambda p: resized(decode(p)), paths):8.1f} images/s")


if __name__ == "__main__":
    main()
