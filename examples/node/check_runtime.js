// Run kept encoders in the onnxruntime-node that is installed, of any version; what
// ../python/check_runtime.py does, for where no wheel of an old version fits:
//
//     npm install onnxruntime-node@1.14.0
//     node check_runtime.js DIR

const fs = require("fs");
const path = require("path");
const { createRequire } = require("module");

// The package of the folder that this runs in.
const ort = createRequire(path.join(process.cwd(), "package.json"))("onnxruntime-node");

const tolerance = 1e-5;

async function difference(file, kept) {
  const session = await ort.InferenceSession.create(file);
  const inputs = {};
  for (const [name, t] of Object.entries(kept.inputs)) {
    inputs[name] = new ort.Tensor("float32", Float32Array.from(t.data), t.shape);
  }
  const out = await session.run(inputs);
  let greatest = 0;
  for (const [name, want] of Object.entries(kept.outputs)) {
    const got = out[name].data;
    if (got.length !== want.data.length) throw new Error(`${file}: ${name} has ${got.length} numbers, not ${want.data.length}`);
    for (let i = 0; i < got.length; i++) {
      const apart = Math.abs(got[i] - want.data[i]);
      if (!(apart <= greatest)) greatest = apart; // NaN too
    }
  }
  return greatest;
}

async function main() {
  const folder = process.argv[2];
  const files = fs.readdirSync(folder).filter((f) => f.endsWith(".onnx")).sort();
  if (files.length === 0) throw new Error(`${folder}: no encoders`);
  let failed = 0;
  for (const f of files) {
    const file = path.join(folder, f);
    const kept = JSON.parse(fs.readFileSync(file.replace(/\.onnx$/, ".json")));
    const error = await difference(file, kept);
    const ok = error <= tolerance;
    if (!ok) failed++;
    console.log(`onnxruntime-node  ${path.basename(f, ".onnx")}  ${error.toExponential(1)}  ${ok ? "ok" : "FAILED"}`);
  }
  if (failed > 0) throw new Error(`${failed} of ${files.length} encoders differ by more than ${tolerance}`);
}

main().catch((e) => {
  console.error(e.message);
  process.exit(1);
});
