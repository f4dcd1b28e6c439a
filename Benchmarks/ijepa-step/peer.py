#!/usr/bin/env python3
"""The I-JEPA training step in plain PyTorch eager, to be measured against.

Written from the paper (Assran et al. 2023, arXiv:2301.08243): the context encoder sees the visible
patches, the target encoder (an exponential moving average) the whole picture, the predictor is run
for one target block at a time; attention is a softmax between two matrix products; smooth L1 on
layer-normed targets; AdamW. It is meant to be the obvious implementation, neither tuned nor slowed.

With `--compile` torch.compile makes kernels of its own for the step's networks, and with
`--precision bfloat16` autocast multiplies in bfloat16.

Prints one JSON object: imagesPerSecond, peakMemoryMiB, memoryAtStartMiB, losses.
"""

import argparse
import copy
import json
import math
import resource
import time

import torch
from torch import nn
from torch.nn import functional


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x):
        batch, tokens, width = x.shape
        qkv = self.qkv(x).view(batch, tokens, 3, self.heads, width // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        scores = query @ key.transpose(-2, -1) / math.sqrt(width // self.heads)
        mixed = scores.softmax(dim=-1) @ value
        return self.proj(mixed.transpose(1, 2).reshape(batch, tokens, width))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.fc2(functional.gelu(self.fc1(self.norm2(x))))


def positions(width, grid):
    """Fixed sine-cosine positions [1, grid * grid, width], the half that tells x first."""
    frequencies = 10000.0 ** (-torch.arange(width // 4, dtype=torch.float64) / (width // 4))
    angles = torch.arange(grid, dtype=torch.float64)[:, None] * frequencies
    axis = torch.cat([angles.sin(), angles.cos()], dim=1)
    x = axis[None].expand(grid, grid, width // 2)
    y = axis[:, None].expand(grid, grid, width // 2)
    return torch.cat([x, y], dim=2).reshape(1, grid * grid, width).float()


def gather(tokens, indices):
    """The tokens [B, n, D] that stand at `indices` [B, n] in [B, N, D]."""
    return tokens.gather(1, indices[..., None].expand(-1, -1, tokens.shape[-1]))


class Encoder(nn.Module):
    def __init__(self, o):
        super().__init__()
        self.patch = nn.Conv2d(3, o.width, o.patch, stride=o.patch)
        self.register_buffer("positions", positions(o.width, o.image // o.patch))
        self.blocks = nn.ModuleList(Block(o.width, o.heads) for _ in range(o.depth))
        self.norm = nn.LayerNorm(o.width, eps=1e-6)

    def forward(self, pixels, visible=None):
        tokens = self.patch(pixels).flatten(2).transpose(1, 2) + self.positions
        if visible is not None:
            tokens = gather(tokens, visible)
        for block in self.blocks:
            tokens = block(tokens)
        return self.norm(tokens)


class Predictor(nn.Module):
    def __init__(self, o):
        super().__init__()
        width = o.predictor_width
        self.embed = nn.Linear(o.width, width)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, width))
        self.register_buffer("positions", positions(width, o.image // o.patch))
        self.blocks = nn.ModuleList(
            Block(width, o.predictor_heads) for _ in range(o.predictor_depth)
        )
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.proj = nn.Linear(width, o.width)

    def forward(self, context, visible, target):
        places = self.positions.expand(len(context), -1, -1)
        seen = self.embed(context) + gather(places, visible)
        asked = self.mask_token + gather(places, target)
        tokens = torch.cat([seen, asked], dim=1)
        for block in self.blocks:
            tokens = block(tokens)
        return self.proj(self.norm(tokens[:, visible.shape[1] :]))


def initialize(module):
    for name, parameter in module.named_parameters():
        if parameter.ndim >= 2:
            nn.init.trunc_normal_(parameter, std=0.02)
        elif "norm" not in name:
            nn.init.zeros_(parameter)
    for index, block in enumerate(module.blocks, start=1):
        with torch.no_grad():
            block.attn.proj.weight.div_(math.sqrt(2 * index))
            block.fc2.weight.div_(math.sqrt(2 * index))


def training_step(
    encoder, target_encoder, predictor, optimizer, momentum, pixels, masks, precision
):
    visible, blocks = masks
    with torch.autocast(pixels.device.type, torch.bfloat16, enabled=precision == "bfloat16"):
        with torch.no_grad():
            targets = target_encoder(pixels)
            targets = functional.layer_norm(targets, (targets.shape[-1],))
        context = encoder(pixels, visible)
        predictions = [predictor(context, visible, block) for block in blocks]
        wanted = [gather(targets, block) for block in blocks]
        loss = functional.smooth_l1_loss(torch.cat(predictions, dim=1), torch.cat(wanted, dim=1))

    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        for slow, fast in zip(target_encoder.parameters(), encoder.parameters()):
            slow.mul_(momentum).add_((1 - momentum) * fast)
    return loss


def read_masks(path, device):
    """Per batch the visible indices [B, n], and for each target block its indices [B, m].

    The file: {"batches": [{"context": [item][n], "targets": [item][block][m]}]}.
    """
    with open(path) as file:
        batches = json.load(file)["batches"]
    masks = []
    for batch in batches:
        blocks = [torch.tensor(block, device=device) for block in zip(*batch["targets"])]
        masks.append((torch.tensor(batch["context"], device=device), blocks))
    return masks


def huggingface_names(encoder):
    """The encoder's weights under the names of a Hugging Face I-JEPA checkpoint."""
    state = encoder.state_dict()
    renamed = {
        "embeddings.position_embeddings": state["positions"],
        "embeddings.patch_embeddings.projection.weight": state["patch.weight"],
        "embeddings.patch_embeddings.projection.bias": state["patch.bias"],
        "layernorm.weight": state["norm.weight"],
        "layernorm.bias": state["norm.bias"],
    }
    for index in range(len(encoder.blocks)):
        for kind in ("weight", "bias"):
            layer, block = f"encoder.layer.{index}", f"blocks.{index}"
            renamed[f"{layer}.layernorm_before.{kind}"] = state[f"{block}.norm1.{kind}"]
            renamed[f"{layer}.layernorm_after.{kind}"] = state[f"{block}.norm2.{kind}"]
            parts = state[f"{block}.attn.qkv.{kind}"].chunk(3)
            for name, part in zip(("query", "key", "value"), parts):
                renamed[f"{layer}.attention.attention.{name}.{kind}"] = part
            renamed[f"{layer}.attention.output.dense.{kind}"] = state[f"{block}.attn.proj.{kind}"]
            renamed[f"{layer}.intermediate.dense.{kind}"] = state[f"{block}.fc1.{kind}"]
            renamed[f"{layer}.output.dense.{kind}"] = state[f"{block}.fc2.{kind}"]
    return renamed


def published_names(predictor):
    """The predictor's weights under the names of the published checkpoints."""
    renamed = {}
    for name, tensor in predictor.state_dict().items():
        name = name.replace(".fc1.", ".mlp.fc1.").replace(".fc2.", ".mlp.fc2.")
        name = name if name == "mask_token" else f"predictor_{name}"
        renamed[name.replace("predictor_positions", "predictor_pos_embed")] = tensor
    return renamed


def write_state(folder, encoder, predictor, pixels):
    """What another implementation needs to make the same losses."""
    from safetensors.torch import save_file

    for name, tensors in (
        ("model", huggingface_names(encoder)),
        ("predictor", published_names(predictor)),
        ("pixels", {"pixels": pixels}),
    ):
        copies = {key: tensor.detach().contiguous().clone() for key, tensor in tensors.items()}
        save_file(copies, f"{folder}/{name}.safetensors")


def memory_mib():
    # Kilobytes on Linux.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--masks", required=True, help="JSON file of masks, one entry per batch")
    parser.add_argument("--image", type=int, default=64)
    parser.add_argument("--patch", type=int, default=8)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--width", type=int, default=192)
    parser.add_argument("--depth", type=int, default=12)
    parser.add_argument("--heads", type=int, default=3)
    parser.add_argument("--predictor-width", type=int, default=96)
    parser.add_argument("--predictor-depth", type=int, default=6)
    parser.add_argument("--predictor-heads", type=int, default=3)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--momentum", type=float, default=0.996)
    parser.add_argument("--warmup", type=int, default=3, help="steps that are not timed")
    parser.add_argument("--steps", type=int, default=10, help="steps that are timed")
    parser.add_argument("--threads", type=int, default=0, help="0: PyTorch's choice")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=["float32", "tf32", "bfloat16"], default="float32")
    parser.add_argument("--compile", action="store_true", help="with torch.compile")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write-state", metavar="FOLDER", help="save initial weights and pixels")
    o = parser.parse_args()

    if o.threads > 0:
        torch.set_num_threads(o.threads)
    torch.manual_seed(o.seed)
    masks = read_masks(o.masks, o.device)
    assert all(len(visible) == o.batch for visible, _ in masks), "the masks are of another batch"
    pixels = torch.randn(len(masks), o.batch, 3, o.image, o.image)
    encoder, predictor = Encoder(o), Predictor(o)
    initialize(encoder)
    initialize(predictor)
    if o.write_state:
        write_state(o.write_state, encoder, predictor, pixels)
    memory_at_start = memory_mib()

    encoder, predictor, pixels = encoder.to(o.device), predictor.to(o.device), pixels.to(o.device)
    target_encoder = copy.deepcopy(encoder).requires_grad_(False)
    if o.precision != "float32":
        torch.set_float32_matmul_precision("high")
    trained = [*encoder.named_parameters(), *predictor.named_parameters()]
    matrices = [p for name, p in trained if p.ndim >= 2 and name.endswith("weight")]
    others = [p for name, p in trained if p.ndim < 2 or not name.endswith("weight")]
    optimizer = torch.optim.AdamW(
        [
            {"params": matrices, "weight_decay": 0.05},
            {"params": others, "weight_decay": 0.0},
        ],
        lr=o.learning_rate,
        betas=(0.9, 0.95),
    )
    on_cuda = o.device.startswith("cuda")
    networks = (encoder, target_encoder, predictor)
    if o.compile:
        networks = tuple(torch.compile(network) for network in networks)
    losses = []
    for step in range(o.warmup + o.steps):
        if step == o.warmup:
            if on_cuda:
                torch.cuda.synchronize()
            start = time.perf_counter()
        index = step % len(masks)
        losses.append(
            training_step(
                *networks, optimizer, o.momentum, pixels[index], masks[index], o.precision
            ).detach()
        )
    if on_cuda:
        torch.cuda.synchronize()
    seconds = time.perf_counter() - start
    result = {
        "imagesPerSecond": o.batch * o.steps / seconds,
        "peakMemoryMiB": torch.cuda.max_memory_allocated() / 2**20 if on_cuda else memory_mib(),
        "memoryAtStartMiB": 0.0 if on_cuda else memory_at_start,
        "losses": [loss.item() for loss in losses],
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
