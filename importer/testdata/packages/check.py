"""Import the recurrent networks that Python packages ship, too large for the corpus.

    python check.py RNNREPD

Downloads the wheels of PACKAGES with pip, into a temporary folder, and lets `rnnrepd inspect --verify onnxruntime` read
their ONNX files; RNNREPD_ORT_LIB must name ONNX Runtime. Every file must give the RNN below, or the refusal.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import zipfile

SILERO = "lstm 128-128"
CHARACTERS = "lstm 512-512x2-8210"

# package -> file -> "cell inputs-hidden...-outputs" (x2: both directions) or the code of a refusal
PACKAGES = {
    "silero-vad==6.2.3": {  # MIT
        "silero_vad.onnx": SILERO, "silero_vad_16k_op15.onnx": SILERO, "silero_vad_16k_sequence.onnx": SILERO, "silero_vad_half.onnx": SILERO,
        "silero_vad_op18_ifless.onnx": SILERO, "silero_vad_openvino_16k.onnx": SILERO,
    },
    "ddddocr==1.6.1": {"common.onnx": CHARACTERS, "common_old.onnx": CHARACTERS, "common_det.onnx": "no_recurrence"},  # MIT
    "text2tashkeel==0.1.0": {  # MIT
        "bilstm.int8.onnx": "lstm 128-256x2-256x2-256x2", "rawi.int8.onnx": "lstm 128-256x2-256x2-73", "rawi_v3.int8.onnx": "lstm 128-256x2-256x2-1",
    },
    "captcha-whisperer==0.1.0": {"captcha_crnn.onnx": "lstm 4096-100x2-37"},  # MIT; unrolled cells
    "rapidocr-onnxruntime": {"ch_PP-OCRv4_rec_infer.onnx": "no_recurrence"},  # Apache 2.0
}


def spec(rnn):
    """An inspected RNN in short."""
    sizes = [str(h) + "x2" * rnn["bidirectional"] for h in rnn["hidden"]]
    return "%s %s" % (rnn["cell"], "-".join([str(rnn["inputs"])] + sizes + [str(rnn["outputs"])] * (rnn["outputs"] > 0)))


def inspect(rnnrepd, file):
    out = subprocess.run([rnnrepd, "inspect", "-o", "json", "--verify", "onnxruntime", file], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout
    answer = json.loads(out)
    if not answer["ok"]:
        return answer["error"]["code"], answer["error"]["detail"]
    return spec(answer["rnn"]), "%(method)s, %(max_abs_error).1e" % answer["verified"]


def main():
    rnnrepd, failed, files = sys.argv[1], 0, 0
    for package, wanted in PACKAGES.items():
        with tempfile.TemporaryDirectory() as tmp:
            subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", tmp, package], check=True)
            with zipfile.ZipFile(next(pathlib.Path(tmp).glob("*.whl"))) as wheel:
                for name in wheel.namelist():
                    want = wanted.get(pathlib.PurePath(name).name)
                    if not want:
                        continue
                    got, how = inspect(rnnrepd, wheel.extract(name, tmp))
                    files, failed = files + 1, failed + (got != want)
                    print("%-10s %-28s %-28s %s" % ("ok" if got == want else "FAILED", pathlib.PurePath(name).name, got, how), flush=True)
    if failed or not files:
        raise SystemExit("%d of %d files failed" % (failed, files))


if __name__ == "__main__":
    main()
