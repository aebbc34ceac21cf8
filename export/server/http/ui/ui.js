// The page of the development server: a photograph, two REST requests and
// their answers. What a server says enters the page as text, never as HTML.

const FIVE = ["top left", "top right", "bottom left", "bottom right", "centre"];
const CROPS = [...FIVE, ...FIVE.map((name) => `${name}, mirrored`)];
const BUSY = [408, 429, 503, 504];
const LONGEST_QUOTE = 300; // some servers send a whole request back

const at = (id) => document.getElementById(id);

let photograph = null;
let running = new AbortController();

/** What went wrong, in words for the one who uses the page. */
class Fault extends Error {
  constructor(message, { mayPass = false, status = null, said = "" } = {}) {
    super(message);
    Object.assign(this, { mayPass, status, said });
  }
}

/** Asks everything anew; what was being asked before no longer matters. */
async function refresh() {
  running.abort();
  running = new AbortController();
  const { signal } = running;
  document.body.classList.add("asking");
  try {
    if (!at("model").options.length) {
      offer((await json("models.json", { signal })).models);
    }
    showCommand();
    if (photograph) {
      say(`Looking at ${photograph.name} …`);
      const answer = await ask(at("model").value, photograph, signal);
      if (signal.aborted) return;
      show(answer, photograph);
    }
    tell(null);
  } catch (fault) {
    if (signal.aborted) return;
    clear();
    tell(fault);
    if (!(fault instanceof Fault)) throw fault; // a mistake in this program
  } finally {
    const isLast = running.signal === signal;
    document.body.classList.toggle("asking", !isLast);
  }
}

// The requests

/** The answers about a file: {model, version, best, crops}. */
async function ask(model, file, signal) {
  const path = pathOf(model);
  const b64 = await base64(file);
  const predict = async (signature) => {
    const body = { signature_name: signature, instances: [{ b64 }] };
    const options = { method: "POST", body: JSON.stringify(body), signal };
    return (await json(`${path}:predict`, options)).predictions?.[0];
  };
  let best;
  try {
    best = await predict("serving_default");
  } catch (fault) {
    throw inContext(fault, model, file);
  }
  if (!isRanking(best)) {
    throw new Fault(
      `The model ${model} is not made for this page: it does not answer with ` +
        "classes, scores and valid.",
    );
  }
  if (!best.valid) {
    throw new Fault(
      `${file.name} is not an image that the model can use: it takes JPEG, ` +
        "PNG, GIF, BMP and WebP files that are complete and not extremely " +
        "long or large.",
    );
  }
  // One after the other: the server runs few requests at once.
  const [crops] = await Promise.allSettled([predict("crops")]);
  // Asked last, for a newer version may have come meanwhile.
  const version = await newestVersion(path, signal);
  return { model, version, best, crops };
}

/** Number of the version that answers, or undefined. */
async function newestVersion(path, signal) {
  try {
    const versions = (await json(path, { signal })).model_version_status;
    return versions.find(({ state }) => state === "AVAILABLE").version;
  } catch {
    return undefined; // the answer is worth showing without it
  }
}

/** The value that a server answers in JSON; throws a Fault without one. */
async function json(path, options) {
  let response, text;
  try {
    response = await fetch(path, options);
    text = await response.text();
  } catch (error) {
    if (options.signal.aborted) throw error;
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

/** The fault of a request that runs a model, told by its likely cause. */
function inContext(fault, model, file) {
  const size = (file.size / 1e6).toFixed(1);
  const causes = {
    400: `The model ${model} is not made for this page: it refuses the file.`,
    404: `The model ${model} is not there.`,
    413: `${file.name} (${size} MB) is too large for the server.`,
  };
  const cause = causes[fault.status];
  return cause ? new Fault(`${cause} The server says: ${fault.said}`) : fault;
}

function isRanking(value) {
  return (
    Array.isArray(value?.classes) &&
    value.classes.length === value.scores?.length &&
    typeof value.valid === "boolean"
  );
}

function pathOf(model) {
  return `../v1/models/${encodeURIComponent(model)}`;
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

function base64(file) {
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

// The page

/** An element with properties and children, which are elements or text. */
function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function offer(models) {
  const options = models.map((name) => make("option", { value: name }, name));
  at("model").replaceChildren(...options);
  at("choice").hidden = models.length === 1;
}

function say(message) {
  at("status").textContent = message;
}

/** Tells of a fault, or that there is none. */
function tell(fault) {
  const button = at("again");
  at("fault").textContent = fault ? fault.message : "";
  // The keyboard's place in the page would be lost with the button.
  if (document.activeElement === button) at("photograph").focus();
  button.hidden = !fault?.mayPass;
}

function clear() {
  say("No answer.");
  at("classes").hidden = true;
  at("source").textContent = "";
  at("views").hidden = true;
}

function show({ model, version, best, crops }, file) {
  say(`${file.name}: ${best.classes[0]}, ${percent(best.scores[0])}`);
  at("bars").replaceChildren(
    ...best.classes.map((name, i) => row(name, best.scores[i])),
  );
  at("classes").hidden = false;
  const source = version ? `${model}, version ${version}` : model;
  at("source").textContent = `Answered by the model ${source}.`;
  showCrops(crops);
}

function row(name, score) {
  const fill = make("span");
  fill.style.width = `${100 * score}%`;
  return make(
    "tr",
    {},
    make("th", { scope: "row", dir: "auto" }, name),
    make(
      "td",
      {},
      make(
        "div",
        { className: "bar" },
        make("span", {}, fill),
        make("data", { value: score }, percent(score)),
      ),
    ),
  );
}

/** Text of a probability; no class is said to be certain or impossible. */
function percent(score) {
  if (score > 0 && score < 0.0005) return "< 0.1\u00a0%";
  if (score < 1 && score >= 0.9995) return "> 99.9\u00a0%";
  return `${(100 * score).toFixed(1)}\u00a0%`;
}

function showCrops({ value, reason }) {
  const files = value?.valid ? value.crops_bytes : [];
  at("crops").replaceChildren(...files.map(figure));
  at("views-text").textContent = files.length
    ? "Ten crops of the photograph; the probabilities are averaged over them."
    : `The model did not show its crops. ${reason?.message ?? ""}`;
  at("views").hidden = false;
}

function figure({ b64 }, i) {
  const image = make("img", {
    src: `data:image/jpeg;base64,${b64}`,
    alt: `Crop ${i + 1}: ${CROPS[i]}`,
  });
  const caption = make("figcaption", {}, CROPS[i]);
  return make("li", {}, make("figure", {}, image, caption));
}

function preview(file) {
  const image = at("preview");
  URL.revokeObjectURL(image.src);
  image.hidden = false;
  image.alt = `The photograph ${file.name}`;
  image.src = URL.createObjectURL(file);
}

/** The command line that asks what the page asks. */
function showCommand() {
  const path = `${pathOf(at("model").value)}:predict`;
  const { href } = new URL(path, location.href);
  const file = shellQuoted(photograph?.name ?? "photograph.jpg");
  at("command").textContent =
    `(printf '{"instances": [{"b64": "'; base64 < ${file}; ` +
    `printf '"}]}') |\n  curl -d @- ${shellQuoted(href)}`;
}

function shellQuoted(text) {
  const isPlain = /^[\w./:-]+$/.test(text);
  return isPlain ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

async function copyCommand() {
  const command = at("command");
  getSelection().selectAllChildren(command);
  try {
    await navigator.clipboard.writeText(command.textContent);
    at("copied").textContent = "Copied.";
  } catch {
    // Browsers offer the clipboard on this computer and over HTTPS only.
    at("copied").textContent = "Selected: copy it with the keyboard.";
  }
}

// The user

function take(files) {
  photograph = files[0];
  at("copied").textContent = "";
  preview(photograph);
  refresh();
}

function takeDropped(transfer) {
  document.body.classList.remove("dragging");
  if (transfer.files.length) {
    take(transfer.files);
  } else {
    tell(new Fault("That was no file: save the photograph and drop the file."));
  }
}

at("photograph").addEventListener("change", ({ target }) => {
  if (target.files.length) take(target.files);
  target.value = ""; // so that the same file can be chosen again
});
at("preview").addEventListener("error", ({ target }) => {
  target.hidden = true; // the model says what it thinks of the file
});
at("model").addEventListener("change", refresh);
at("again").addEventListener("click", refresh);
at("copy").addEventListener("click", copyCommand);
// Anywhere on the page: a file dropped beside a zone would replace the page.
addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dragging");
});
addEventListener("dragleave", ({ relatedTarget }) => {
  if (!relatedTarget) document.body.classList.remove("dragging");
});
addEventListener("drop", (event) => {
  event.preventDefault();
  takeDropped(event.dataTransfer);
});
addEventListener("paste", ({ clipboardData }) => {
  if (clipboardData.files.length) take(clipboardData.files);
});

refresh();
