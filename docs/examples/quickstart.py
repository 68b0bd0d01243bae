"""python quickstart.py garment.jpg selfie.jpg recording.wav, with FITSIZE_ADDRESS and FITSIZE_KEY in the environment."""

import os
import sys

from fitsize_client import FitSize

garment, selfie, recording = sys.argv[1:]
with FitSize(os.environ["FITSIZE_ADDRESS"], os.environ["FITSIZE_KEY"]) as fitsize:
    measured = fitsize.run("keypoints", files={"image": garment}, clothing="short_sleeve_top")
    for length in measured["result"]["measurements"]:
        print(f"{length['name']}: {length['value_cm']} ± {length['plus_minus_cm']} cm")

    judged = fitsize.run("faces/validate", files={"selfie": selfie})
    print(judged["result"]["verdict"], judged["result"]["reasons"])

    compared = fitsize.run("faces/verify", files={"selfie": selfie, "reference": selfie})
    print(compared["result"]["verdict"], compared["result"]["distance"])

    heard = fitsize.run("diarization", files={"audio": recording}, num_speakers=2)
    for turn in heard["result"]["turns"]:
        print(f"{turn['speaker']}: {turn['start']:.1f} to {turn['end']:.1f} s")

    fitsize.erase(judged)  # what was sent and what was found are gone
