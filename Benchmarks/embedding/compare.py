"""From a folder of JPEGs to an .npy file: `jepa embed` against transformers and Pillow, in one run.

    pip install torch transformers pillow numpy
    python Benchmarks/embedding/compare.py FOLDER [--encoder vit-tiny] [--size 96] [--pictures 2000]

Both sides embed the same files with the same weights (a checkpoint that `jepa train` writes, which
`AutoModel.from_pretrained` opens), in batches of the same size, with the same number of threads, in
turns: here in float32 and in bfloat16, there in float32. The other side is what one would write: Pillow
decodes and resizes, numpy makes the batch, the model runs in inference mode, numpy.save writes the file.
With `--peer-workers N` a torch DataLoader of N processes does so ahead of the model; only the greatest of
its processes counts as its memory then. With `--device cuda` both run there, the other side in bfloat16.
Counted is the time from the first picture to the finished file, and the greatest resident memory of the
whole process. How far the embeddings are apart says that both did the same work.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

# The second is the default of `jepa embed` where the processor multiplies bfloat16.
PRECISIONS = ["float32", "bfloat16"]
ROOT = pathlib.Path(__file__).resolve().parents[2]


def embed_with_transformers(checkpoint, listing, output, batch, threads, workers, device):
    import numpy as np
    import torch
    from PIL import Image, ImageOps
    from transformers import AutoModel

    torch.set_num_threads(threads)
    model = AutoModel.from_pretrained(checkpoint).eval().to(device)
    on_device = device != "cpu"
    settings = json.loads((pathlib.Path(checkpoint) / "preprocessor_config.json").read_text())
    size = settings["size"]["height"]
    mean = np.array(settings["image_mean"], np.float32)
    deviation = np.array(settings["image_std"], np.float32)
    files = pathlib.Path(listing).read_text().splitlines()

    def pixels(path):
        with Image.open(path) as source:
            picture = ImageOps.exif_transpose(source).convert("RGB")
        side = min(picture.size)
        left, top = ((length - side) / 2 for length in picture.size)
        view = picture.resize((size, size), Image.BICUBIC, box=(left, top, left + side, top + side))
        values = np.asarray(view, np.float32) / 255
        return ((values - mean) / deviation).transpose(2, 0, 1)

    class Pictures(torch.utils.data.Dataset):
        def __len__(self):
            return len(files)

        def __getitem__(self, index):
            return pixels(files[index])

    def batches():
        if workers > 0:
            return torch.utils.data.DataLoader(
                Pictures(), batch_size=batch, num_workers=workers, collate_fn=np.stack)
        return (
            np.stack([pixels(path) for path in files[first:first + batch]])
            for first in range(0, len(files), batch))

    start = time.perf_counter()
    rows = []
    # On an accelerator in bfloat16, as one would there.
    with torch.inference_mode(), torch.autocast(torch.device(device).type, torch.bfloat16, enabled=on_device):
        for pictures in batches():
            pixel_values = torch.from_numpy(pictures)
            if on_device:
                pixel_values = pixel_values.pin_memory().to(device, non_blocking=True)
            tokens = model(pixel_values=pixel_values).last_hidden_state
            rows.append(tokens.mean(dim=1).float().cpu().numpy())
    np.save(output, np.concatenate(rows))
    print(json.dumps({"imagesPerSecond": len(files) / (time.perf_counter() - start)}))


def measured(command):
    """What a command printed, and the greatest resident memory of its process in MiB."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} failed")
    return output, usage.ru_maxrss / 1024


def built():
    build = ["swift", "build", "-c", "release", "--product", "jepa"]
    subprocess.run(build, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    folder = subprocess.run(
        build + ["--show-bin-path"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return folder.strip() + "/jepa"


def difference(here, there):
    import numpy as np

    ours, theirs = np.load(here), np.load(there)
    cosines = (ours * theirs).sum(1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)
    return np.abs(ours - theirs).max() / np.abs(theirs).max(), cosines.min()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--encoder", default="vit-tiny")
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer-workers", type=int, default=0, help="processes that decode for transformers")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--jepa", help="the program; built where it is not named")
    parser.add_argument("--only-peer", nargs=3, help=argparse.SUPPRESS)
    o = parser.parse_args()
    if o.only_peer:
        embed_with_transformers(*o.only_peer, o.batch, o.threads, o.peer_workers, o.device)
        return
    jepa = o.jepa or built()
    files = sorted(str(path) for path in pathlib.Path(o.folder).rglob("*.jp*g"))
    if not files:
        sys.exit(f"{o.folder}: no JPEG below it")
    with tempfile.TemporaryDirectory() as scratch:
        listing = f"{scratch}/list.txt"
        chosen = [files[index % len(files)] for index in range(o.pictures)]
        pathlib.Path(listing).write_text("".join(f"{path}\n" for path in chosen))
        run = f"{scratch}/run"
        subprocess.run(
            [jepa, "train", "images", str(pathlib.Path(files[0]).parent), "--output", run,
             "--encoder", o.encoder, "--method", "ijepa", "--steps", "1", "--set",
             f"imageSize={o.size}", "--set", "batchSize=4"],
            check=True, capture_output=True)
        checkpoint = str(pathlib.Path(run, "latest").resolve())
        here = [jepa, "embed", "--files-from", listing, "--checkpoint", checkpoint, "--batch",
                str(o.batch), "--threads", str(o.threads), "--workers", str(o.threads), "--device", o.device]
        sides = {
            precision: here + ["--precision", precision, "--output", f"{scratch}/{precision}.npy"]
            for precision in PRECISIONS
        }
        sides["there"] = [
            sys.executable, __file__, o.folder, "--batch", str(o.batch), "--threads",
            str(o.threads), "--peer-workers", str(o.peer_workers), "--device", o.device, "--only-peer",
            checkpoint, listing, f"{scratch}/there.npy"]
        rates, memory = ({side: [] for side in sides} for _ in range(2))
        for _ in range(o.rounds):
            for side, command in sides.items():
                output, peak = measured(command)
                rate = (
                    json.loads(output)["imagesPerSecond"] if side == "there"
                    else float(output.rsplit(", ", 1)[1].split()[0]))
                rates[side].append(rate)
                memory[side].append(peak)
        apart = {
            side: difference(f"{scratch}/{side}.npy", f"{scratch}/there.npy")
            for side in PRECISIONS
        }
    print(f"{o.encoder} at {o.size} pixels, {o.pictures} pictures, batches of {o.batch}, "
          f"{o.threads} threads, {o.rounds} rounds")
    for side in sides:
        print(f"{side:9} {statistics.median(rates[side]):7.1f} images/s {statistics.median(memory[side]):6.0f} MiB")
    for side, (greatest, cosine) in apart.items():
        speed = [a / b for a, b in zip(rates[side], rates["there"])]
        peaks = [a / b for a, b in zip(memory[side], memory["there"])]
        print(f"{side:9} speed {statistics.median(speed):.2f} ({', '.join(f'{s:.2f}' for s in speed)}), "
              f"memory {statistics.median(peaks):.2f}, apart {greatest:.1e}, least cosine {cosine:.4f}")


if __name__ == "__main__":
    main()
