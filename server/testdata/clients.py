"""Asks a running rnnrepd through tritonclient and the openai SDK, and compares with POST /v1/predict."""
import base64, json, sys, urllib.request
import numpy as np
import openai
import tritonclient.http as triton

address, path = sys.argv[1], sys.argv[2]
model = open(path, "rb").read()
want = json.load(urllib.request.urlopen(urllib.request.Request(f"http://{address}/v1/predict", data=model)))

client = triton.InferenceServerClient(address)
assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("predict")
print(client.get_server_metadata(), client.get_model_metadata("embed"), client.get_model_repository_index())
for binary in (True, False):
    models = [model, model] 
    data = np.array(models, dtype=np.object_) if binary else np.array([base64.b64encode(m) for m in models], dtype=np.object_)
    tensor = triton.InferInput("model", [2], "BYTES")
    tensor.set_data_from_numpy(data, binary_data=binary)
    outputs = [triton.InferRequestedOutput(n, binary_data=binary) for n in ("embedding", "accuracy", "task")]
    r = client.infer("predict", [tensor], outputs=outputs, request_id="7")
    assert r.get_response()["id"] == "7"
    assert r.as_numpy("embedding").shape == (2, len(want["embedding"])), r.as_numpy("embedding").shape
    np.testing.assert_allclose(r.as_numpy("embedding")[1], want["embedding"], atol=1e-5)
    np.testing.assert_allclose(r.as_numpy("accuracy"), [want["predictions"]["accuracy"]["value"]] * 2, atol=1e-5)
    task = r.as_numpy("task")[0]
    assert (task.decode() if isinstance(task, bytes) else task) == want["predictions"]["task"]["value"], task
r = client.infer("predict", [tensor])
print(sorted(o["name"] for o in r.get_response()["outputs"]))
tensor = triton.InferInput("model", [1], "BYTES")
tensor.set_data_from_numpy(np.array([b"not a model"], dtype=np.object_))
try:
    client.infer("embed", [tensor])
    raise SystemExit("no error")
except triton.InferenceServerException as e:
    print(e)

ai = openai.OpenAI(base_url=f"http://{address}/v1", api_key="none")
text = base64.b64encode(model).decode()
for kw in ({}, {"encoding_format": "float"}):
    r = ai.embeddings.create(model="auto", input=[text, text], **kw)
    np.testing.assert_allclose(r.data[1].embedding, want["embedding"], atol=1e-5)
print([m.id for m in ai.models.list()])
try:
    ai.embeddings.create(model="auto", input="eHh4")
    raise SystemExit("no error")
except openai.UnprocessableEntityError as e:
    print(e)
print("ok")
