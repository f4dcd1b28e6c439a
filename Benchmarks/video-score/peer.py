"""The other side of `run`: a per-frame encoder of the same shape in PyTorch eager, and the cosine between
neighbouring frames, written the obvious way. Prints one JSON object: frames, seconds, framesPerSecond,
peakMemoryMiB and the cosines' least place.

    peer.py VIDEO [--threads N] [--batch N]
"""

import argparse
import json
import resource
import subprocess
import time

import torch
from torch import nn

SIZE = 64


class FrameEncoder(nn.Module):
    """FrameEncoder.swift, layer by layer."""

    def __init__(self, width=96):
        super().__init__()
        self.linear = nn.Conv2d(3, width, 16, stride=8, padding=4)
        self.stem = nn.Conv2d(3, 32, 3, stride=2, padding=1)
        self.second = nn.Conv2d(32, 64, 3, stride=2, padding=1)
        self.inner = nn.Conv2d(64, 64, 3, padding=1)
        self.third = nn.Conv2d(64, width, 3, stride=2, padding=1)
        self.norm = nn.LayerNorm(width)
        self.output = nn.Linear(width, width)

    def forward(self, x):
        straight = self.linear(x).flatten(2).transpose(1, 2)
        x = self.second(self.stem(x).relu()).relu()
        x = x + self.inner(x).relu()
        return straight + self.output(self.norm(self.third(x).flatten(2).transpose(1, 2)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("video")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=32)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    encoder = FrameEncoder().eval()
    command = [
        "ffmpeg", "-v", "error", "-i", arguments.video, "-vf", f"scale={SIZE}:{SIZE}", "-f", "rawvideo",
        "-pix_fmt", "rgb24", "-",
    ]
    start = time.perf_counter()
    pipe = subprocess.Popen(command, stdout=subprocess.PIPE)
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    deviation = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    previous, cosines = None, []
    with torch.inference_mode():
        while chunk := pipe.stdout.read(arguments.batch * SIZE * SIZE * 3):
            pixels = torch.frombuffer(bytearray(chunk), dtype=torch.uint8)
            pictures = pixels.view(-1, SIZE, SIZE, 3).permute(0, 3, 1, 2).float() / 255
            embeddings = encoder((pictures - mean) / deviation).mean(1)
            both = embeddings if previous is None else torch.cat([previous, embeddings])
            cosines += torch.cosine_similarity(both[:-1], both[1:]).tolist()
            previous = embeddings[-1:]
    pipe.wait()
    seconds = time.perf_counter() - start
    print(json.dumps({
        "frames": len(cosines) + 1,
        "seconds": seconds,
        "framesPerSecond": (len(cosines) + 1) / seconds,
        "peakMemoryMiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "parameters": sum(p.numel() for p in encoder.parameters()),
        "leastCosineAt": 1 + min(range(len(cosines)), key=cosines.__getitem__),
    }))


if __name__ == "__main__":
    main()
