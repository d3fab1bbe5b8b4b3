// Which of the files that were picked or dropped are models, and which their
// external data.

import { Problem } from "./api.js";

const isModel = (f) => /\.onnx$/i.test(f.name);
const isArchive = (f) => /\.(zip|tar|tgz|gz)$/i.test(f.name);

/** [File] -> [{ file, external }]. waiting is a model whose external data were missing, if any. */
export function group(files, waiting) {
  const models = files.filter(isModel);
  const archives = files.filter(isArchive).map((file) => ({ file, external: [] }));
  const rest = files.filter((f) => !isModel(f) && !isArchive(f));
  if (models.length === 0 && archives.length === 0) {
    if (waiting) return [{ file: waiting.file, external: [...waiting.external, ...rest] }];
    if (rest.length === 1) return [{ file: rest[0], external: [] }];
    throw new Problem({ code: "which_model", detail: `None of these ${files.length} files ends in .onnx.`, accepted: "an .onnx file with its external data, or an archive of both",
      hint: "Give the model the extension .onnx, or send one file at a time." });
  }
  return [...models.map((file) => ({ file, external: rest })), ...archives];
}
