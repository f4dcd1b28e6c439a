"""What `jepa score` and continuityguard-cli find in the same clips, and how fast: each clip by itself, every frame.

    rivals.py JEPA CONTINUITYGUARD CLIP=LABELS…

LABELS is a labels.json of `jepa make-clip`, or the first frames of new shots: 30,76,137. A fault counts as found where a
flag lies within one frame of it; a flag that lies at no fault is a false alarm. continuityguard samples 2.3 frames a second
unless it is told otherwise; here it is given the clip's own rate, so that it sees every frame.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time


def rate_of(clip):
    words = subprocess.run(
        ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "stream=avg_frame_rate", "-of", "csv=p=0", clip],
        check=True, capture_output=True, text=True).stdout.strip().split("/")
    return float(words[0]) / float(words[1])


def labels_of(text):
    if text.endswith(".json"):
        return [(fault["kind"], fault["start"], fault["end"]) for fault in json.load(open(text))["faults"]]
    return [("cut", int(frame), int(frame)) for frame in text.split(",")]


def jepa(program, clip, folder):
    output = os.path.join(folder, "scores.json")
    begun = time.perf_counter()
    subprocess.run([program, "score", clip, "--json", output], check=True, capture_output=True)
    seconds = time.perf_counter() - begun
    report = json.load(open(output))
    return [(found["start"], found["end"]) for found in report["ranges"]], len(report["frames"]), seconds


def continuityguard(program, clip, folder):
    alone = os.path.join(folder, "alone")
    os.makedirs(alone, exist_ok=True)
    shutil.copy(clip, alone)
    begun = time.perf_counter()
    output = subprocess.run(
        [program, "scan", alone, "--json", "--fps", f"{rate_of(clip):.4f}"], check=True, capture_output=True, text=True).stdout
    seconds = time.perf_counter() - begun
    report = json.loads(output)
    flags = [flag["frame_index_b"] for flag in report["physics_plausibility"]["flagged_shots"]]
    shutil.rmtree(alone)
    return [(flag, flag) for flag in flags], report["frames_extracted"], seconds


def main():
    programs = {"jepa score": (jepa, sys.argv[1]), "continuityguard": (continuityguard, sys.argv[2])}
    totals = {name: {"kinds": {}, "false": 0, "frames": 0, "seconds": 0.0} for name in programs}
    for argument in sys.argv[3:]:
        clip, text = argument.rsplit("=", 1)
        labels = labels_of(text)
        for name, (judge, program) in programs.items():
            with tempfile.TemporaryDirectory() as folder:
                flags, frames, seconds = judge(program, clip, folder)
            total = totals[name]
            total["frames"] += frames
            total["seconds"] += seconds
            for kind, start, end in labels:
                found = any(first <= end + 1 and last >= start - 1 for first, last in flags)
                hits, count = total["kinds"].get(kind, (0, 0))
                total["kinds"][kind] = (hits + found, count + 1)
            # Every frame that a range covers counts, not every range.
            total["false"] += sum(
                not any(start - 2 <= frame <= end + 2 for _, start, end in labels)
                for first, last in flags for frame in range(first, last + 1))
    for name, total in totals.items():
        hits = sum(found for found, _ in total["kinds"].values())
        count = sum(planted for _, planted in total["kinds"].values())
        print(f"{name}: {hits} of {count} faults found, {1000 * total['false'] / total['frames']:.1f} false alarms in 1000 frames, "
              f"{total['frames'] / total['seconds']:.0f} frames/s")
        print("  " + ", ".join(f"{kind} {found}/{planted}" for kind, (found, planted) in total["kinds"].items()))


if __name__ == "__main__":
    main()
