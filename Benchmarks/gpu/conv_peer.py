#!/usr/bin/env python3
"""The LeJEPA step of conv-small in plain PyTorch, to be measured against.

Written from the papers: a residual network with a 3x3 stem (He et al. 2015, arXiv:1512.03385), a
projector with batch norm, and LeJEPA's invariance and SIGReg (Balestriero and LeCun 2025,
arXiv:2511.08544): one global view of 64 pixels and four local ones of 32 for each picture, 256
directions, 17 knots. Local views do not touch the running statistics. AdamW, gradients clipped to
norm 5. `--compile` compiles the networks and the loss; `--precision bfloat16` runs the encoder
under autocast, in channels-last either way.

Prints one JSON object: imagesPerSecond, peakMemoryMiB, losses.
"""

import argparse
import json
import time

import torch
from torch import nn
from torch.nn import functional


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        residual = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
        return functional.relu(residual + (x if self.downsample is None else self.downsample(x)))


class Encoder(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        # Tokens of 16 pixels: halved once before anything is expensive.
        sizes = [(width, width, 2)] + [(width, width, 1)] * 2
        sizes += [(width, 2 * width, 2), (2 * width, 2 * width, 1)]
        sizes += [(2 * width, 4 * width, 2), (4 * width, 4 * width, 1)]
        self.blocks = nn.Sequential(*(Block(*size) for size in sizes))

    def forward(self, pictures):
        return self.blocks(self.stem(pictures)).flatten(2).mean(2)


def projector(inputs, widths=(256, 256, 64)):
    layers = []
    for width in widths[:-1]:
        layers += [nn.Linear(inputs, width, bias=False), nn.BatchNorm1d(width), nn.ReLU()]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, widths[-1]))


def sigreg(views, directions, knots=17, extent=3.0):
    """The mean over views [V, N, D] and directions [D, S] of the Epps-Pulley statistic."""
    t = torch.linspace(0, extent, knots, device=views.device)
    spacing = extent / (knots - 1)
    weights = torch.full_like(t, 2 * spacing)
    weights[0] = weights[-1] = spacing
    normal = (-t.square() / 2).exp()
    angles = (views.float() @ directions).unsqueeze(-1) * t
    error = (angles.cos().mean(1) - normal).square() + angles.sin().mean(1).square()
    return (error * (weights * normal)).sum(-1).mul(views.shape[1]).mean()


def objective(z, directions, weight=0.06):
    invariance = (z - z.mean(0, keepdim=True)).square().mean()
    return (1 - weight) * invariance + weight * sigreg(z, directions)


def set_statistics(encoder, kept):
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.1 if kept else 0.0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--threads", type=int, default=0)
    o = parser.parse_args()
    if o.threads > 0:
        torch.set_num_threads(o.threads)
    torch.manual_seed(0)
    # As the other side: TF32 where products stay in float32, kernels chosen by trying.
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    on_cuda = o.device.startswith("cuda")
    wide = torch.channels_last
    views = [
        (torch.randn(o.batch, 3, 64, 64, device=o.device).to(memory_format=wide),
         torch.randn(4 * o.batch, 3, 32, 32, device=o.device).to(memory_format=wide))
        for _ in range(4)
    ]
    encoder = Encoder().to(o.device).to(memory_format=wide)
    head = projector(256).to(o.device)
    parameters = [*encoder.parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": 0.05},
            {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
        ],
        lr=2e-3, betas=(0.9, 0.98))
    encode, project, loss_of = encoder, head, objective
    if o.compile:
        encode, project, loss_of = (torch.compile(part) for part in (encoder, head, objective))

    def step(index):
        clean, local = views[index % len(views)]
        with torch.autocast(clean.device.type, torch.bfloat16, enabled=o.precision == "bfloat16"):
            embeddings = [encode(clean)]
            set_statistics(encoder, False)
            embeddings.append(encode(local))
            set_statistics(encoder, True)
        z = project(torch.cat(embeddings).float()).view(5, o.batch, -1)
        directions = torch.randn(z.shape[-1], 256, device=z.device)
        loss = loss_of(z, directions / directions.norm(dim=0, keepdim=True))
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 5.0)
        optimizer.step()
        optimizer.zero_grad()
        return loss.detach()

    warmup = max(3, o.steps // 4)
    losses = []
    for index in range(warmup + o.steps):
        if index == warmup:
            if on_cuda:
                torch.cuda.synchronize()
            start = time.perf_counter()
        losses.append(step(index))
    if on_cuda:
        torch.cuda.synchronize()
    seconds = time.perf_counter() - start
    print(json.dumps({
        "imagesPerSecond": o.batch * o.steps / seconds,
        "peakMemoryMiB": torch.cuda.max_memory_allocated() / 2**20 if on_cuda else 0,
        "losses": [loss.item() for loss in losses],
    }))


if __name__ == "__main__":
    main()
