#!/usr/bin/env python3
"""What `run` measures: both sides in turns on one GPU, and the tables of README.md."""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SETTINGS = {
    # The batch, and the transformer as ijepa-step's options.
    "ViT-S/16": (256, ["--width", "384", "--depth", "12", "--heads", "6", "--predictor-heads", "6"]),
    "ViT-B/16": (128, ["--width", "768", "--depth", "12", "--heads", "12", "--predictor-heads", "12"]),
}
SHAPE = ["--image", "224", "--patch", "16", "--predictor-width", "384", "--predictor-depth", "6",
         "--warmup", "16", "--steps", "40", "--device", "cuda"]


def said(command, **options):
    """The last line that a command printed."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""


def table(title, sides, rounds):
    """Runs every side in turn and prints a row for each: images/s, the ratio to each peer, memory."""
    results = {name: [] for name in sides}
    for _ in range(rounds):
        for name, command in sides.items():
            results[name].append(json.loads(said(command)))
            rate = results[name][-1]["imagesPerSecond"]
            print(f"  {title}, {name}: {rate:.0f} images/s", file=sys.stderr, flush=True)
    peers = [name for name in sides if name.startswith("PyTorch")]
    print(f"\n| {title} | images/s | " + " | ".join(f"over {peer}" for peer in peers) + " | memory |")
    print("|---" * (len(peers) + 3) + "|")
    for name, runs in results.items():
        ratios = [
            statistics.median(a["imagesPerSecond"] / b["imagesPerSecond"]
                              for a, b in zip(runs, results[peer]))
            for peer in peers
        ]
        rate = statistics.median(run["imagesPerSecond"] for run in runs)
        memory = statistics.median(run["peakMemoryMiB"] for run in runs)
        cells = " | ".join(f"{ratio:.2f}" for ratio in ratios)
        print(f"| {name} | {rate:,.0f} | {cells} | {memory:,.0f} MiB |", flush=True)
    for name, runs in results.items():
        losses = runs[0]["losses"]
        print(f"  {name}: loss {losses[0]:.4f} -> {losses[-1]:.4f}", file=sys.stderr)


def train(o, scratch):
    """Steps on pictures that are on the device already."""
    for name, (batch, shape) in SETTINGS.items():
        masks = f"{scratch}/masks-{batch}.json"
        here = [f"{o.programs}/ijepa-step-benchmark", *shape, *SHAPE, "--batch", batch]
        said(here + ["--write-masks", masks])
        here += ["--masks", masks]
        peer = [sys.executable, ROOT / "Benchmarks/ijepa-step/peer.py", *shape, *SHAPE,
                "--batch", batch, "--masks", masks]
        fast = ["--precision", "bfloat16"]
        sides = {
            "here, bfloat16, blocks together (the default)": here + fast + ["--blocks", "together"],
            "here, bfloat16, each block by itself": here + fast,
            "here, TF32, each block by itself": here,
            "PyTorch eager, bfloat16": peer + fast,
            "PyTorch compiled, bfloat16": peer + fast + ["--compile"],
            "PyTorch eager, TF32": peer + ["--precision", "tf32"],
        }
        table(f"I-JEPA step, {name} at 224, batch {batch}", sides, o.rounds)

    here = [f"{o.programs}/training-step-benchmark", o.demo, "cuda", "200", "encoder.preset=conv-small",
            "imageSize=64", "batchSize=512", "method.name=lejepa", "optimizer.matrices=adamw"]
    peer = [sys.executable, ROOT / "Benchmarks/gpu/conv_peer.py", "--batch", "512", "--steps", "200"]
    table("LeJEPA step, conv-small at 64, batch 512", {
        "here, bfloat16": here,
        "here, TF32": here + ["precision=float32"],
        "PyTorch eager, bfloat16": peer + ["--precision", "bfloat16"],
        "PyTorch compiled, bfloat16": peer + ["--precision", "bfloat16", "--compile"],
        "PyTorch eager, TF32": peer,
    }, o.rounds)


def embed(o, scratch):
    """From JPEG files to a finished .npy."""
    for encoder in ("vit-small", "vit-base"):
        print(said_all([
            sys.executable, ROOT / "Benchmarks/embedding/compare.py", o.folder, "--encoder", encoder,
            "--size", "224", "--pictures", "8000", "--batch", "128", "--device", "cuda",
            "--peer-workers", os.cpu_count(), "--rounds", o.rounds, "--jepa", f"{o.programs}/jepa"]), flush=True)


def said_all(command):
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout


def folder(o, scratch):
    """Whole training from a folder, loading and checkpoints included."""
    print("\n| `jepa train images`, whole | pictures | images/s, waiting, memory |\n|---|---|---|")
    for encoder, method, size, batch, pictures in (
        ("conv-small", "views", 64, 512, o.demo), ("vit-small", "ijepa", 224, 256, o.folder),
        ("vit-base", "ijepa", 224, 128, o.folder),
    ):
        command = [f"{o.programs}/jepa", "train", "images", pictures, "--output", f"{scratch}/{encoder}",
                   "--encoder", encoder, "--method", method, "--device", "cuda", "--steps", "200",
                   "--set", f"imageSize={size}", "--set", f"batchSize={batch}"]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
        lines = [line for line in done.stderr.splitlines() if "images/s" in line]
        said_last = lines[-1].strip() if lines else f"failed: {done.stderr[-1500:]}"
        print(f"| {encoder} at {size}, {method}, batch {batch} | {pathlib.Path(pictures).name} | {said_last} |", flush=True)


def weights(path):
    from safetensors.numpy import load_file

    found = {}
    for file in sorted(pathlib.Path(path).rglob("*.safetensors")):
        for name, value in load_file(file).items():
            found[f"{file.name}:{name}"] = value
    return found


def apart(left, right):
    """The greatest distance of two sets of weights over their greatest value, and how many tensors differ."""
    import numpy as np

    assert left.keys() == right.keys(), "other tensors"
    worst = max(
        float(np.abs(left[name] - right[name]).max() / max(np.abs(right[name]).max(), 1e-12)) if left[name].size else 0
        for name in left)
    return worst, sum(not np.array_equal(left[name], right[name]) for name in left)


def resume(o, scratch):
    """40 steps, 40 steps again, and 20 steps with 20 more after a resumption: the weights side by side."""
    for encoder, method in (("conv-tiny", "views"), ("vit-tiny", "ijepa"), ("conv-tiny", "lejepa"), ("vit-tiny", "masks")):
        def run(name, steps, *more):
            said([f"{o.programs}/jepa", "train", "images", o.demo, "--output", f"{scratch}/{name}-{encoder}-{method}",
                  "--device", "cuda", "--set", "imageSize=64", "--set", "batchSize=64", "--encoder", encoder,
                  "--method", method, "--steps", steps, *more])
            return weights(pathlib.Path(f"{scratch}/{name}-{encoder}-{method}/latest").resolve())
        # The rate follows the length of the run, so that a shorter one would be another: constant here.
        constant = ["--set", "optimizer.learningRate.shape=constant", "--set", "optimizer.learningRate.warmup=0"]
        whole, again = run("whole", 40, *constant), run("again", 40, *constant)
        run("parts", 20, *constant)
        parts = run("parts", 40, "--resume")
        (noise, differing), (resumed, after) = apart(whole, again), apart(whole, parts)
        print(f"{method}, {encoder}: the same run again {noise:.1e} apart ({differing} of {len(whole)} tensors), "
              f"resumed {resumed:.1e} ({after})", flush=True)


def agree(o, scratch):
    """The same few steps, embeddings and plans on the CPU and on the GPU."""
    import numpy as np

    jepa = f"{o.programs}/jepa"
    for method, encoder in (("views", "conv-micro"), ("views", "vit-tiny"), ("lejepa", "conv-micro"),
                            ("masks", "vit-tiny"), ("ijepa", "vit-tiny")):
        found = {}
        for device in ("cpu", "cuda"):
            output = f"{scratch}/agree-{method}-{encoder}-{device}"
            said([jepa, "train", "images", o.demo, "--output", output, "--device", device, "--encoder", encoder,
                  "--method", method, "--steps", 5, "--set", "batchSize=32", "--set", "precision=float32",
                  "--set", "logEverySteps=1", "--set", "optimizer.learningRate.warmup=0"])
            lines = [json.loads(line) for line in open(f"{output}/metrics.jsonl")]
            found[device] = [line["loss"] for line in lines if "loss" in line]
            said([jepa, "embed", o.demo, "--checkpoint", output, "--device", device, "--precision", "float32",
                  "--output", f"{output}.npy"])
        distance = max(abs(a - b) / abs(a) for a, b in zip(found["cpu"], found["cuda"]))
        output = f"{scratch}/agree-{method}-{encoder}-cpu"
        said([jepa, "embed", o.demo, "--checkpoint", output, "--device", "cuda", "--precision", "float32",
              "--output", f"{output}-on-cuda.npy"])
        a, b = np.load(f"{output}.npy"), np.load(f"{output}-on-cuda.npy")
        cosine = ((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)).min()
        print(f"{method}, {encoder}: losses of 5 steps on CPU and GPU {distance:.1e} apart at most "
              f"({found['cpu'][0]:.4f} to {found['cpu'][-1]:.4f}, {found['cuda'][-1]:.4f}); "
              f"embeddings' least cosine {cosine:.6f}", flush=True)


def jpegs(pictures, output):
    """The demo's pictures as photographs are: JPEGs of 400x533."""
    from PIL import Image

    output.mkdir()
    for index, path in enumerate(sorted(pathlib.Path(pictures).rglob("*.png"))):
        Image.open(path).convert("RGB").resize((400, 533), Image.BICUBIC).save(output / f"{index}.jpg", quality=90)
    return output


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", required=True)
    parser.add_argument("--folder", help="of JPEGs")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--parts", nargs="+", default=["train", "embed", "folder", "resume", "agree"])
    o = parser.parse_args()
    o.demo = str(ROOT / "data/demo/images/train")
    import torch

    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, {os.cpu_count()} cores; "
          f"{said([f'{o.programs}/jepa', '--version'])}", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        if not o.folder:
            o.folder = str(jpegs(o.demo, pathlib.Path(scratch, "jpegs")))
        for part in o.parts:
            start = time.time()
            print(f"\n## {part}", flush=True)
            {"train": train, "embed": embed, "folder": folder, "resume": resume, "agree": agree}[part](o, scratch)
            print(f"  {part} took {time.time() - start:.0f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
