// The server's routes that the page uses.

/** Problem is what went wrong, with the fields of the server's problem detail. */
export class Problem extends Error {
  constructor(fields) {
    super(fields.detail);
    Object.assign(this, fields);
  }
}

let key = null;

function storedKey() {
  if (key === null) {
    try { key = sessionStorage.getItem("key") ?? ""; } catch { key = ""; }
  }
  return key;
}

/** Sends this API key from now on, until the tab is closed. */
export function setKey(k) {
  key = k;
  try { sessionStorage.setItem("key", k); } catch { /* kept for this page only */ }
}

async function ask(path, options = {}) {
  const headers = new Headers(options.headers);
  if (storedKey()) headers.set("X-Api-Key", storedKey());
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch (e) {
    if (e.name === "AbortError") throw e;
    throw new Problem({ code: "no_answer", detail: "The connection ended before there was an answer.",
      hint: options.body ? "See that the server is running; it also ends the connection when a file is larger than it takes." : "See that the server is running, then load the page again." });
  }
  if (response.ok) return response;
  const text = await response.text();
  let fields;
  try { fields = JSON.parse(text); } catch { fields = {}; }
  throw new Problem({ status: response.status, code: fields.code ?? "", title: fields.title ?? response.statusText,
    detail: fields.detail ?? (text.slice(0, 300) || `The server answered with status ${response.status}.`),
    node: fields.node, accepted: fields.accepted, hint: fields.hint, request: response.headers.get("X-Request-Id") });
}

/** Everything the server says about a model: { file: File, external: [File] }. */
export async function predict(model, bundle, signal) {
  const query = bundle ? `?bundle=${encodeURIComponent(bundle)}` : "";
  const options = { method: "POST", signal };
  if (model.external.length === 0) {
    options.body = model.file;
    options.headers = { "Content-Type": "application/octet-stream" };
  } else {
    options.body = new FormData();
    options.body.append("model", model.file, model.file.name);
    for (const f of model.external) options.body.append("external", f, f.name);
  }
  return (await ask(`/v1/predict${query}`, options)).json();
}

/** The bundles at hand. */
export const bundles = async () => (await (await ask("/v1/bundles")).json()).bundles;

const maps = new Map();

/** The map of a bundle; it is asked for once. */
export async function map(bundle) {
  if (!maps.has(bundle)) maps.set(bundle, await (await ask(`/v1/bundles/${bundle}/map`)).json());
  return maps.get(bundle);
}

/** The program's version. */
export const version = async () => (await ask("/version")).json();

/** One of the example models, as a File. */
export async function example(name) {
  return new File([await (await ask(`/app/examples/${encodeURIComponent(name)}`)).blob()], name);
}
