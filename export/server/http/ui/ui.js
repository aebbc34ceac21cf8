// The page of the development server: a photograph, what a served model says
// of it and what happens inside. What a server says enters the page as text,
// never as HTML.

import {
  Fault,
  base64,
  json,
  pathOf,
  predict,
  signaturesOf,
  tensor,
  versionsOf,
} from "./api.js";
import { at, make, percent } from "./elements.js";
import { NetworkView, number } from "./network.js";
import { Occlusion } from "./occlusion.js";
import * as pictures from "./pictures.js";

const FIVE = ["top left", "top right", "bottom left", "bottom right", "centre"];
const CROPS = [...FIVE, ...FIVE.map((name) => `${name}, mirrored`)];
const BEST = 5;
const RARE = 0.05; // share of test images: less sure than with these is unusual
// Crops of pictures of its classes differ: where no crop is sure and all say
// nearly the same, the answer does not come from the photograph.
const SURE = 0.95;
const SAME = 0.02; // between the crops' probabilities of the best class
const LOADING = 2000; // ms until a model that loads is asked again
const BEGIN = "Choose a photograph to begin.";
const NAMED = 12; // classes that are named before anything is asked
const SAMPLES = [
  ...["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"],
  ...["Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"],
]; // of Fashion-MNIST, in the order of samples/0.png to 9.png

let photograph = null;
let running = new AbortController();
let view = null; // of the network whose inside is shown
let reasons = []; // a `Reason` for each model that is asked for its evidence

const acquaintances = new Map();
const warmed = new Set(); // paths of models

/** What a model tells about itself: {signatures, network, card}. */
function acquaint(path) {
  if (!acquaintances.has(path)) {
    const told = introduced(path);
    acquaintances.set(path, told);
    told.catch(() => acquaintances.delete(path));
  }
  return acquaintances.get(path);
}

async function introduced(path) {
  const signatures = await signaturesOf(path);
  if (!signatures.includes("about")) return { signatures };
  const topics = [{ topic: "network" }, { topic: "card" }];
  const [network, card] = (await predict(path, "about", topics)).map((text) =>
    JSON.parse(text),
  );
  return { signatures, network, card };
}

/** Asks everything anew; what was being asked before no longer matters. */
async function refresh() {
  running.abort();
  running = new AbortController();
  const { signal } = running;
  at("sure").hidden = at("unmoved").hidden = true;
  document.body.classList.add("asking");
  document.body.classList.remove("looking");
  let answered = null;
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
      answered = answer.best;
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
  if (answered) showSureness(answered, pathOf(at("model").value), signal);
  await introduce(signal);
  if (answered && !signal.aborted) await lookInside(signal);
}

// The requests

/** The answers about a file: {model, version, best, crops}. */
async function ask(model, file, signal) {
  const path = pathOf(model);
  const b64 = await base64(file);
  const best = await bestOf(path, model, file, b64, signal);
  // One after the other: the server runs few requests at once.
  const [crops] = await Promise.allSettled([
    predict(path, "crops", [{ b64 }], signal),
  ]);
  // Asked last, for a newer version may have come meanwhile.
  const version = await newestVersion(model, signal);
  return { model, version, best, crops };
}

/** The answer of `serving_default`; throws a Fault where there is none. */
async function bestOf(path, model, file, b64, signal) {
  let best;
  try {
    [best] = (await predict(path, "serving_default", [{ b64 }], signal)) ?? [];
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
  return best;
}

/** Number of the version that answers, or undefined. */
async function newestVersion(model, signal) {
  try {
    return (await versionsOf(model, signal))[0];
  } catch {
    return undefined; // the answer is worth showing without it
  }
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

// Before a photograph is there

function offer(models) {
  const options = models.map((name) => make("option", { value: name }, name));
  at("model").replaceChildren(...options);
  at("choice").hidden = models.length === 1;
}

/** What the chosen model is, and which others could stand beside it. */
async function introduce(signal) {
  const model = at("model").value;
  if (!model) return;
  let card = null;
  try {
    ({ card = null } = await acquaint(pathOf(model)));
  } catch (fault) {
    // Otherwise the answer to a photograph tells what is wrong.
    if (fault.mayPass && !photograph && !at("fault").textContent) {
      say(`The model ${model} is still loading …`);
      await new Promise((resolve) => setTimeout(resolve, LOADING));
      if (signal.aborted) return;
      await introduce(signal);
      return;
    }
  }
  if (signal.aborted) return;
  if (!photograph && !at("fault").textContent) say(BEGIN);
  showCard(card);
  if (!at("fault").textContent) await offerSecond(signal);
  if (!photograph) await warmUp(model);
}

/** Lets a server run once what takes long for the first time only. */
async function warmUp(model) {
  const path = pathOf(model);
  if (warmed.has(path)) return;
  warmed.add(path);
  try {
    const { network } = await acquaint(path);
    if (!network) return;
    const sample = await (await fetch("samples/0.png")).blob();
    const instances = [{ b64: await base64(sample) }];
    const [{ record_bytes }] = await predict(path, "record", instances);
    const [{ name: layer }] = network.layers;
    await predict(path, "maps", [{ record_bytes, layer }]);
  } catch {
    // The photograph that comes will tell.
  }
}

async function offerSecond(signal) {
  const names = [...at("model").options].map(({ value }) => value);
  const found = await Promise.all(
    names.map(async (model) => {
      const versions = await versionsOf(model, signal).catch(() => []);
      return versions.map((version) => ({ model, version }));
    }),
  );
  if (signal.aborted) return;
  const all = found.flat();
  const { value } = at("second");
  at("comparison").hidden = all.length < 2;
  at("second").replaceChildren(
    make("option", { value: "" }, "nothing"),
    ...all.map(({ model, version }) =>
      make(
        "option",
        { value: JSON.stringify([model, version]) },
        `${model}, version ${version}`,
      ),
    ),
  );
  at("second").value = value;
  if (at("second").selectedIndex < 0) at("second").value = ""; // it has gone
}

/** What the model tells apart, and how good it is. */
function showCard(card) {
  const target = at("card");
  target.hidden = !card;
  if (!card) return;
  const { classes, accuracy } = card;
  const named = classes.slice(0, NAMED).join(", ");
  const rest = classes.slice(NAMED);
  const parts = [
    make(
      "p",
      {},
      `It tells ${classes.length.toLocaleString("en")} classes apart: ${named}`,
      rest.length ? " …" : ".",
    ),
  ];
  if (rest.length) {
    parts.push(
      make(
        "details",
        {},
        make("summary", {}, `The other ${rest.length.toLocaleString("en")}`),
        make("p", {}, rest.join(", ")),
      ),
    );
  }
  parts.push(make("p", {}, accuracyInWords(accuracy)));
  target.replaceChildren(...parts);
  const known = SAMPLES.some((name) => classes.includes(name));
  at("examples-text").textContent = known
    ? "Or take one of these clothes from Fashion-MNIST:"
    : "Or take one of these clothes, none of its classes; it names one all " +
      "the same:";
}

function accuracyInWords(accuracy) {
  if (!accuracy) return "How good it is was not measured.";
  const { images, top1_error: error, top5_error: of5, data } = accuracy;
  const five = of5 === null ? "" : `; for ${percent(of5)} it was not among ` +
    "the best five";
  return (
    `Of ${images.toLocaleString("en")} ${accuracy.split} images of ${data}, ` +
    `which it was not trained on, its best class was wrong for ` +
    `${percent(error)}${five}.`
  );
}

function offerSamples() {
  at("samples").replaceChildren(
    ...SAMPLES.map((name, i) => {
      const src = `samples/${i}.png`;
      const image = make("img", { src, alt: name, width: 28, height: 28 });
      const button = make("button", { type: "button", title: name }, image);
      button.addEventListener("click", () => takeSample(name, src));
      return button;
    }),
  );
}

async function takeSample(name, src) {
  const blob = await (await fetch(src)).blob();
  take([new File([blob], `${name.replace("/", " or ")}.png`)]);
}

// The answer

function say(message) {
  // What does not change is not said again to those who listen.
  if (at("status").textContent !== message) {
    at("status").textContent = message;
  }
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
  for (const id of ["classes", "sure", "beside", "why", "inside", "views"]) {
    at(id).hidden = true;
  }
  at("source").textContent = "";
}

function show({ model, version, best, crops }, file) {
  say(`${file.name}: ${best.classes[0]}, ${percent(best.scores[0])}`);
  at("bars").replaceChildren(...rows(best));
  at("classes").hidden = false;
  const source = version ? `${model}, version ${version}` : model;
  at("source").textContent = `Answered by the model ${source}.`;
  showCrops(crops);
}

/** How sure it is, beside how sure it was of the images it was tested with. */
async function showSureness({ scores: [score] }, path, signal) {
  let accuracy, temperature;
  try {
    ({ accuracy, temperature } = (await acquaint(path)).card ?? {});
  } catch {
    return; // it has just answered; what it is was told or will be
  }
  // With a temperature it is not as sure as when it was tested.
  if (signal.aborted || !accuracy?.coverage || temperature) return;
  const reached = accuracy.coverage.filter(([threshold]) => threshold <= score);
  const [, coverage, error] = reached.at(-1);
  const lower = 1 - coverage;
  // The first threshold below which few of the test images stay.
  const limit = accuracy.coverage.findLast(([, share]) => share > 1 - RARE)[0];
  const isUnusual = lower < RARE;
  at("sure").classList.toggle("warning", isUnusual);
  at("sure").textContent = isUnusual
    ? `Not sure, and perhaps right to be: it was less sure with ` +
      `${percent(lower)} of the images it was tested with. Below ` +
      `${percent(limit)} this page says so: a picture may show something else ` +
      "than its classes, or show it unlike anything it was trained on."
    : `Of the test images of which it was at least as sure, it was wrong for ` +
      `${percent(error)}. That holds for pictures of its classes; of other ` +
      "pictures it may be as sure, and is wrong.";
  at("sure").hidden = false;
}

function rows({ classes, scores }) {
  return classes.map((name, i) => row(name, scores[i]));
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

function showCrops({ value, reason }) {
  const [answer] = value ?? [];
  const files = answer?.valid ? answer.crops_bytes : [];
  at("crops").replaceChildren(...files.map(figure));
  at("mean").replaceChildren();
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
  const caption = make(
    "figcaption",
    {},
    make("span", { className: "name" }, CROPS[i]),
    make("ol", { className: "own" }),
  );
  return make("li", {}, make("figure", {}, image, caption));
}

// Inside the network

/** Shows, piece by piece, how the answer came about. */
async function lookInside(signal) {
  document.body.classList.add("looking");
  try {
    const model = at("model").value;
    const first = await Reason.of(pathOf(model), "", signal);
    if (signal.aborted) return;
    at("inside").hidden = false;
    if (!first) {
      at("why").hidden = at("network").hidden = true;
      at("inside-text").textContent =
        "This model cannot show what happens inside it: export it again " +
        "with python main.py --mode=export.";
      return;
    }
    // All sections appear at once: nothing moves when their contents come.
    at("network").hidden = at("why").hidden = false;
    at("occlude").disabled = true; // until there are classes to choose from
    reasons = [first];
    showNetwork(first, signal);
    await stream(first, signal, 0, 1);
    await explainMean(first, signal);
    if (signal.aborted) return;
    offerLabels(first);
    const [second] = await Promise.all([
      besideOf(signal),
      stream(first, signal, 1),
    ]);
    if (second && !signal.aborted) {
      reasons.push(second);
      await showEvidence(signal);
    }
  } catch (fault) {
    if (signal.aborted) return;
    at("inside-text").textContent = fault.message;
    if (!(fault instanceof Fault)) throw fault;
  } finally {
    if (running.signal === signal) document.body.classList.remove("looking");
  }
}

/** What a model makes of the photograph, inside. */
class Reason {
  /** Of the photograph; null where the model cannot show it. */
  static async of(path, title, signal) {
    const { signatures, network, card } = await acquaint(path);
    if (!network || !signatures.includes("record")) return null;
    const b64 = await base64(photograph);
    const [answer] = await predict(path, "record", [{ b64 }], signal);
    const record_bytes = answer.record_bytes;
    const picture = new Image();
    picture.src = `data:image/png;base64,${record_bytes.b64}`;
    await picture.decode();
    const side = network.crop;
    const edge = (picture.width - side) / 2;
    const part = { top: edge, left: edge, height: side, width: side };
    const crop = pictures.cutOut(picture, part, side);
    const { classes } = card;
    return Object.assign(new Reason(), {
      ...{ path, title, network, card, classes, record_bytes, picture, crop },
    });
  }

  /** Tensors of some layers for the central crop. */
  async maps(names, signal) {
    const { record_bytes } = this;
    const instances = names.map((layer) => ({ record_bytes, layer }));
    const answers = await predict(this.path, "maps", instances, signal);
    return answers.map(({ b64 }) => tensor(b64));
  }

  /** Grad-CAM for a class, in rows. */
  async evidence(label, signal) {
    const { record_bytes } = this;
    const instances = [{ record_bytes, label }];
    return (await predict(this.path, "grad_cam", instances, signal))[0];
  }
}

function showNetwork(reason, signal) {
  if (view?.path !== reason.path) {
    const kernels = new Map();
    const kernelOf = (layer, map) => {
      const key = `${layer} ${map}`;
      if (!kernels.has(key)) kernels.set(key, askKernel(reason, layer, map));
      return kernels.get(key);
    };
    view = new NetworkView(at("network"), reason.network, kernelOf);
    view.path = reason.path;
  }
  view.begin(reason.crop);
  at("inside-text").textContent =
    "As figure 2 of the paper: two towers that meet only where lines cross. " +
    "Each strip has a layer's maps, brightest first. Choose one to see it at " +
    "large.";
  if (view.towers === 1) {
    at("inside-text").textContent =
      "This network has one tower. Each strip has a layer's maps, brightest " +
      "first. Choose one to see it at large.";
  }
}

async function askKernel({ path }, layer, map) {
  const [answer] = await predict(path, "kernels", [{ layer, map_index: map }]);
  return { kernel: tensor(answer.kernel_bytes.b64), bias: answer.bias };
}

/** Lets the maps come, layer by layer: those from `begin` to `end`. */
async function stream(reason, signal, begin, end) {
  const names = [...view.layers.keys()].slice(begin, end);
  for (const name of names) {
    const wanted = view.layers.get(name).reads === "input"
      ? ["input", name]
      : [name];
    const tensors = await reason.maps(wanted, signal);
    if (signal.aborted) return;
    wanted.forEach((layer, i) => view.show(layer, tensors[i]));
  }
}

/** The classes of each crop, and how their mean comes about. */
async function explainMean(reason, signal) {
  const { path, record_bytes, classes } = reason;
  const [each] = await predict(
    path,
    "crop_probabilities",
    [{ record_bytes }],
    signal,
  );
  if (signal.aborted) return;
  const mean = classes.map(
    (_, k) => each.reduce((total, own) => total + own[k], 0) / each.length,
  );
  reason.best = order(mean).slice(0, BEST);
  tellWhetherUnmoved(each.map((own) => own[reason.best[0]]));
  [...at("crops").children].forEach((crop, i) => {
    const own = order(each[i]).slice(0, BEST);
    crop.querySelector(".own").replaceChildren(
      ...own.map((k) =>
        make("li", {}, `${classes[k]} `, data(each[i][k])),
      ),
    );
  });
  at("mean").replaceChildren(
    make("h3", {}, "How the mean comes about"),
    ...reason.best.map((k) => {
      const terms = each.map((own) => (100 * own[k]).toFixed(1)).join(" + ");
      return make(
        "p",
        {},
        make("strong", { dir: "auto" }, classes[k]),
        ` (${terms}) / ${each.length} = `,
        data(mean[k]),
      );
    }),
    reason.card.temperature
      ? `The answer is this mean to the power of 1/${number(reason.card.temperature)}, ` +
        "the temperature that the model was calibrated with, so that all " +
        "classes have 100 % again."
      : "",
  );
}

/** Says so where the ten crops give one and the same unsure answer. */
function tellWhetherUnmoved(scores) {
  const [least, most] = [Math.min(...scores), Math.max(...scores)];
  const isUnmoved = most < SURE && most - least < SAME;
  at("unmoved").hidden = !isUnmoved;
  if (isUnmoved) at("sure").hidden = true; // what it says is not about these
  at("unmoved").textContent = isUnmoved
    ? "This picture is probably unlike anything it was trained on: all ten " +
      `crops give the best class nearly the same ${percent(least)} to ` +
      `${percent(most)}, so the answer hardly depends on what is to be seen. ` +
      "Noise, charts and empty pictures are answered so. The page says this " +
      `where the crops differ by less than ${100 * SAME} points and none ` +
      `reaches ${100 * SURE} %.`
    : "";
}

function data(score) {
  return make("data", { value: score }, percent(score));
}

/** Indices, the largest value's first. */
function order(values) {
  return [...values.keys()].sort((a, b) => values[b] - values[a]);
}

// Why

function offerLabels(reason) {
  const legend = at("labels").querySelector("legend");
  at("labels").replaceChildren(
    legend,
    ...reason.best.map((label, i) => {
      const input = make("input", {
        type: "radio",
        name: "label",
        value: label,
        checked: i === 0,
      });
      input.addEventListener("change", () => showEvidence(running.signal));
      return make("label", { dir: "auto" }, input, ` ${reason.classes[label]}`);
    }),
  );
  at("evidence").replaceChildren();
  at("occlusion").replaceChildren();
  at("occluded").textContent = "";
  at("occlude").disabled = false;
  return showEvidence(running.signal);
}

function chosenLabel() {
  return Number(at("labels").querySelector("input:checked").value);
}

/** Grad-CAM of the chosen class, for each model that is asked. */
async function showEvidence(signal) {
  const label = chosenLabel();
  const name = reasons[0].classes[label];
  const figures = await Promise.all(
    reasons.map(async (reason, i) => {
      const own = i ? reason.classes.indexOf(name) : label;
      const title = reason.title ? `${reason.title}: ` : "";
      if (own < 0) {
        return make("p", {}, `${title}${name} is none of its classes.`);
      }
      const rows = await reason.evidence(own, signal);
      return evidenceFigure(reason, rows, `${title}${name}`);
    }),
  ).catch((fault) => {
    if (signal.aborted) return [];
    if (!(fault instanceof Fault)) throw fault;
    return [make("p", { className: "error" }, fault.message)];
  });
  if (signal.aborted || label !== chosenLabel()) return;
  at("evidence").replaceChildren(...figures);
}

function evidenceFigure(reason, rows, name) {
  const most = Math.max(...rows.flat());
  const row = rows.findIndex((values) => values.includes(most));
  const column = rows[row].indexOf(most);
  const picture = pictures.drawHeat(reason.crop, rows);
  picture.role = "img";
  picture.ariaLabel = `The photograph with the evidence for ${name}`;
  const where = most
    ? [
        ": most at row ",
        make("data", { value: row, className: "row" }, String(row)),
        ", column ",
        make("data", { value: column, className: "column" }, String(column)),
        ` of ${rows.length}×${rows[0].length}, `,
        make("data", { value: most, className: "most" }, number(most)),
      ]
    : [": no place speaks for it"];
  return make(
    "figure",
    {},
    picture,
    make("figcaption", {}, make("span", { dir: "auto" }, name), ...where, "."),
  );
}

async function occlude() {
  const { signal } = running;
  const label = chosenLabel();
  const [reason] = reasons;
  const button = at("occlude");
  const progress = at("progress");
  button.disabled = true;
  progress.hidden = false;
  at("occluded").textContent = "";
  try {
    const occlusion = new Occlusion(reason, label);
    await occlusion.run(signal, (share) => (progress.value = share));
    if (signal.aborted) return;
    const picture = pictures.drawHeat(reason.crop, occlusion.hidden);
    picture.role = "img";
    const name = reason.classes[label];
    picture.ariaLabel = `Where a grey square hides the evidence for ${name}`;
    at("occluded").textContent =
      `Done: uncovered, the central crop gives ${name} ` +
      `${percent(occlusion.uncovered)}, with the most important square ` +
      `covered ${percent(occlusion.least)}.`;
    at("occlusion").replaceChildren(
      make(
        "figure",
        {},
        picture,
        make(
          "figcaption",
          {},
          `Bright: a grey square of ${occlusion.square} pixels here takes ` +
            "the most from the class, in log-odds.",
        ),
      ),
    );
  } catch (fault) {
    if (signal.aborted) return;
    at("occluded").textContent = fault.message;
    if (!(fault instanceof Fault)) throw fault;
  } finally {
    button.disabled = false;
    progress.hidden = true;
  }
}

// A second model

/** Answer and reasons of the second model; null where none is chosen. */
async function besideOf(signal) {
  const { value } = at("second");
  at("beside").hidden = !value;
  if (!value) return null;
  const [model, version] = JSON.parse(value);
  const path = pathOf(model, version);
  const title = `${model}, version ${version}`;
  at("beside-title").textContent = `Beside it: ${title}`;
  at("beside-fault").textContent = "";
  at("beside-bars").replaceChildren();
  try {
    const b64 = await base64(photograph);
    const best = await bestOf(path, model, photograph, b64, signal);
    if (signal.aborted) return null;
    at("beside-bars").replaceChildren(...rows(best));
    return await Reason.of(path, title, signal);
  } catch (fault) {
    if (signal.aborted) return null;
    at("beside-fault").textContent = fault.message;
    if (!(fault instanceof Fault)) throw fault;
    return null;
  }
}

// The page

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

for (const id of ["photograph", "camera"]) {
  at(id).addEventListener("change", ({ target }) => {
    if (target.files.length) take(target.files);
    target.value = ""; // so that the same file can be chosen again
  });
}
at("preview").addEventListener("error", ({ target }) => {
  target.hidden = true; // the model says what it thinks of the file
});
at("model").addEventListener("change", refresh);
at("second").addEventListener("change", refresh);
at("again").addEventListener("click", refresh);
at("copy").addEventListener("click", copyCommand);
at("occlude").addEventListener("click", occlude);
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

offerSamples();
refresh();
