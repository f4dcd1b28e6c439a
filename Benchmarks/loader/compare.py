"""Pictures a core turns into training views per second: this loader against Pillow and numpy.

    pip install pillow numpy
    python Benchmarks/loader/compare.py FOLDER [--size 96] [--pictures 1500] [--rounds 3]

Both read the same files, pinned to one and the same core, in turns, and make the same views:

crop    one random resized crop (area .3-1, bicubic), flip, colour jitter (p = .8), normalised
        Float32 CHW
views   the default method's six: a crop, the same crop with hidden cells, and four local crops at half
        the size; each with jitter, and grey (p = .2)

The other side is the usual transforms of torchvision on Pillow pictures, written out. Counted is
processor time, which other programs on the machine disturb little.
"""

import argparse
import json
import math
import os
import pathlib
import random
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


def files_below(folder):
    return sorted(
        str(path) for path in pathlib.Path(folder).rglob("*")
        if path.is_file() and path.suffix.lower() in (".jpg", ".jpeg", ".png"))


def load_with_pillow(folder, mode, size, count):
    import numpy as np
    from PIL import Image, ImageEnhance, ImageOps

    mean = np.array([0.485, 0.456, 0.406], np.float32)
    deviation = np.array([0.229, 0.224, 0.225], np.float32)

    def crop(picture, scale, side):
        width, height = picture.size
        box = (0, 0, width, height)
        for _ in range(10):
            area = width * height * random.uniform(*scale)
            ratio = math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
            w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if 0 < w <= width and 0 < h <= height:
                left, top = random.randint(0, width - w), random.randint(0, height - h)
                box = (left, top, left + w, top + h)
                break
        view = picture.crop(box).resize((side, side), Image.BICUBIC)
        return ImageOps.mirror(view) if random.random() < 0.5 else view

    def hue(view, shift):
        h, s, v = view.convert("HSV").split()
        turned = np.array(h, np.uint8) + np.array(int(shift * 255)).astype(np.uint8)
        return Image.merge("HSV", (Image.fromarray(turned, "L"), s, v)).convert("RGB")

    def jitter(view):
        if random.random() >= 0.8:
            return view
        steps = [
            lambda p: ImageEnhance.Brightness(p).enhance(random.uniform(0.6, 1.4)),
            lambda p: ImageEnhance.Contrast(p).enhance(random.uniform(0.6, 1.4)),
            lambda p: ImageEnhance.Color(p).enhance(random.uniform(0.6, 1.4)),
            lambda p: hue(p, random.uniform(-0.1, 0.1)),
        ]
        random.shuffle(steps)
        for step in steps:
            view = step(view)
        return view

    def recolour(view):
        view = jitter(view)
        return view.convert("L").convert("RGB") if random.random() < 0.2 else view

    def planes(view):
        values = np.asarray(view, np.float32) / 255
        return np.ascontiguousarray(((values - mean) / deviation).transpose(2, 0, 1))

    def hide(view):
        cells = np.ones((size // 8) ** 2, np.float32)
        cells[np.random.permutation(cells.size)[round(0.6 * cells.size):]] = 0
        return view * np.kron(cells.reshape(size // 8, -1), np.ones((8, 8), np.float32))

    files = files_below(folder)
    wall, processor = time.perf_counter(), time.process_time()
    batch, check = [], 0.0
    for index in range(count):
        with Image.open(files[index % len(files)]) as source:
            picture = ImageOps.exif_transpose(source).convert("RGB")
        if mode == "crop":
            batch.append([planes(jitter(crop(picture, (0.3, 1), size)))])
        else:
            clean = crop(picture, (0.4, 1), size)
            batch.append([planes(recolour(clean)), hide(planes(recolour(clean)))] + [
                planes(recolour(crop(picture, (0.1, 0.4), size // 2))) for _ in range(4)])
        if len(batch) == 64 or index == count - 1:
            stacked = [np.stack([item[view] for item in batch]) for view in range(len(batch[0]))]
            check += float(stacked[0][0, 0, 0, 0])
            batch = []
    print(json.dumps({
        "pictures": count, "processorSeconds": time.process_time() - processor,
        "wallSeconds": time.perf_counter() - wall, "check": check}))


def run(command, core):
    def pin():
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {core})
    environment = dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    output = subprocess.run(
        command, check=True, capture_output=True, text=True, preexec_fn=pin, env=environment)
    return json.loads(output.stdout)


def main():
    parser = argparse.ArgumentParser(description="Compares image loaders on one core.")
    parser.add_argument("folder")
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--pictures", type=int, default=1500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only-pillow", choices=["crop", "views"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only_pillow:
        load_with_pillow(options.folder, options.only_pillow, options.size, options.pictures)
        return
    build = ["swift", "build", "-c", "release", "--product", "loader-benchmark"]
    subprocess.run(build, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    binary = subprocess.run(
        build + ["--show-bin-path"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.strip() + "/loader-benchmark"
    core = min(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    numbers = [str(options.size), str(options.pictures)]
    print(f"pictures per core-second, {options.size} px, best of {options.rounds} rounds")
    for mode in ("crop", "views"):
        rates = {"here": 0.0, "pillow": 0.0}
        for _ in range(options.rounds):
            for name, command in (
                ("here", [binary, options.folder, mode] + numbers),
                ("pillow", [sys.executable, __file__, options.folder, "--only-pillow", mode,
                            "--size", numbers[0], "--pictures", numbers[1]]),
            ):
                result = run(command, core)
                rate = result["pictures"] / result["processorSeconds"]
                rates[name] = max(rates[name], rate)
        ratio = rates["here"] / rates["pillow"]
        print(f"{mode:6} here {rates['here']:8.1f}   pillow {rates['pillow']:8.1f}   "
              f"ratio {ratio:.2f}")


main()
