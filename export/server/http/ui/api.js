// Requests to the server that the page comes from, and what can go wrong.

const BUSY = [408, 429, 503, 504];
const LONGEST_QUOTE = 300; // some servers send a whole request back

/** What went wrong, in words for the one who uses the page. */
export class Fault extends Error {
  constructor(message, { mayPass = false, status = null, said = "" } = {}) {
    super(message);
    Object.assign(this, { mayPass, status, said });
  }
}

/** The value that a server answers in JSON; throws a Fault without one. */
export async function json(path, options = {}) {
  let response, text;
  try {
    response = await fetch(path, options);
    text = await response.text();
  } catch (error) {
    if (options.signal?.aborted) throw error;
    const message = `No server answers at ${location.origin}: is it running?`;
    throw new Fault(message, { mayPass: true });
  }
  const value = parsed(text);
  if (response.ok && value) return value;
  const { status } = response;
  const said = quote(value?.error ?? text);
  if (BUSY.includes(status)) {
    const message = "The server is busy, try again in a moment. It says: ";
    throw new Fault(message + said, { mayPass: true });
  }
  const message = `The server answers HTTP ${status}: ${said}`;
  throw new Fault(message, { status, said });
}

/** What a signature answers about some instances, a value for each. */
export async function predict(path, signature, instances, signal) {
  const body = { signature_name: signature, instances };
  const options = { method: "POST", body: JSON.stringify(body), signal };
  return (await json(`${path}:predict`, options)).predictions;
}

/** Path of a model, or of one of its versions. */
export function pathOf(model, version) {
  const path = `../v1/models/${encodeURIComponent(model)}`;
  return version ? `${path}/versions/${version}` : path;
}

/** Numbers of the versions that answer, the newest first. */
export async function versionsOf(model, signal) {
  const status = await json(pathOf(model), { signal });
  return status.model_version_status
    .filter(({ state }) => state === "AVAILABLE")
    .map(({ version }) => version);
}

/** Names of the signatures of a model. */
export async function signaturesOf(path, signal) {
  const { metadata } = await json(`${path}/metadata`, { signal });
  return Object.keys(metadata.signature_def.signature_def);
}

/** The file's bytes in base64. */
export function base64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => {
      const url = reader.result; // data:TYPE;base64,...
      if (url) resolve(url.slice(url.lastIndexOf(",") + 1));
      else reject(new Fault(`${file.name} is too large for this browser.`));
    };
    reader.onerror = () => {
      const reason = reader.error.message;
      reject(new Fault(`${file.name} cannot be read: ${reason}`));
    };
    reader.readAsDataURL(file);
  });
}

/**
 * A tensor that came as a serialized TensorProto of float32.
 *
 * Returns {shape, values}: numbers in row-major order.
 */
export function tensor(b64) {
  const bytes = Uint8Array.from(atob(b64), (c) => c.charCodeAt(0));
  const found = { shape: [], values: new Float32Array(0) };
  for (const [field, value] of fields(bytes)) {
    if (field === 2) {
      // tensor_shape: dimensions are its fields 2, whose field 1 is the size.
      for (const [kind, dim] of fields(value)) {
        if (kind !== 2) continue;
        const size = fields(dim).find(([number]) => number === 1);
        found.shape.push(size ? size[1] : 0);
      }
    } else if (field === 4) {
      // tensor_content: it need not begin at a multiple of four.
      found.values = new Float32Array(value.slice().buffer);
    }
  }
  return found;
}

/** [number, value] of a protocol buffer's fields: varints and bytes. */
function fields(bytes) {
  const all = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let weight = 1; ; weight *= 128) {
      const byte = bytes[at++];
      value += (byte % 128) * weight;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    let value = varint();
    if (key % 8 === 2) {
      at += value;
      value = bytes.subarray(at - value, at);
    }
    all.push([key >> 3, value]);
  }
  return all;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null; // a page of a proxy, or the NaN of a network that diverged
  }
}

function quote(text) {
  const line = String(text).replace(/\s+/g, " ").trim();
  return line.length > LONGEST_QUOTE
    ? `${line.slice(0, LONGEST_QUOTE)} …`
    : line;
}
