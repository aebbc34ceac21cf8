// The network as figure 2 of the paper draws it, with what it makes of one
// photograph: a strip of maps for each layer and tower, and one map at large.

import * as formulas from "./formulas.js";
import * as pictures from "./pictures.js";
import { make } from "./elements.js";

const SHOWN = 12; // maps of a strip, until all are asked for
const PATCHES = 4; // parts of the photograph that excite a map most
const NEURONS_WIDE = 64;

/** Draws a network and its maps into an element. */
export class NetworkView {
  /**
   * root: the element. about: as the signature `about` answers it.
   * kernelOf: function of a layer's name and a map: {kernel, bias}, promised.
   */
  constructor(root, about, kernelOf) {
    this.about = about;
    this.layers = new Map(about.layers.map((layer) => [layer.name, layer]));
    this.kernelOf = kernelOf;
    this.data = new Map();
    this.opened = null;
    this.towers = Math.max(...about.layers.map(({ maps }) => maps.length));
    root.style.setProperty("--towers", this.towers);
    root.replaceChildren(
      this.inputRow(),
      ...about.layers.map((layer) => this.row(layer)),
    );
  }

  /** A new photograph: what was shown of another goes. */
  begin(crop) {
    this.crop = crop;
    this.data.clear();
    this.close();
    const target = document.querySelector("#layer-input canvas");
    target.getContext("2d").drawImage(crop, 0, 0);
    for (const layer of this.layers.values()) {
      const places = this.strips(layer).flatMap((strip) => [...strip.children]);
      for (const place of places) {
        place.classList.add("waiting");
        place.disabled = true;
      }
    }
  }

  /** Shows what a layer makes of the photograph: {shape, values}. */
  show(name, data) {
    this.data.set(name, data);
    const layer = this.layers.get(name);
    if (!layer) return; // the input, which is drawn already
    layer.range = pictures.rangeOf(data);
    let first = 0;
    this.strips(layer).forEach((strip, tower) => {
      const count = layer.maps[tower];
      if (layer.size.length) this.fill(layer, strip, first, count);
      else this.fillNeurons(layer, strip, first, count);
      first += count;
    });
  }

  strips({ name }) {
    return [...document.querySelectorAll(`#layer-${name} .strip`)];
  }

  // The drawing

  inputRow() {
    const { crop } = this.about;
    return make(
      "li",
      { id: "layer-input", className: "layer" },
      make(
        "figure",
        {},
        Object.assign(pictures.canvas(crop), {
          ariaLabel: "The central crop of the photograph",
          role: "img",
        }),
        make("figcaption", {}, `Goes in: the central ${crop}×${crop} pixels.`),
      ),
    );
  }

  row(layer) {
    const towers = layer.maps.map((count, tower) =>
      this.towerOf(layer, tower, count),
    );
    return make(
      "li",
      { id: `layer-${layer.name}`, className: `layer ${layer.kind}` },
      this.connections(layer),
      make(
        "h3",
        {},
        layer.name,
        " ",
        make("span", { className: "quiet" }, described(layer)),
        ...(this.meets(layer)
          ? [make("span", { className: "meeting" }, "sees both towers")]
          : []),
      ),
      make("div", { className: "towers" }, ...towers),
    );
  }

  towerOf(layer, tower, count) {
    const unit = layer.size.length ? "map" : "neuron";
    const counted = `${count} ${unit}${count === 1 ? "" : "s"}`;
    const whose = layer.maps.length > 1 ? `tower ${tower}: ` : "";
    const heading = make("p", { className: "quiet" }, whose + counted);
    if (!layer.size.length) {
      const height = Math.ceil(count / NEURONS_WIDE);
      const neurons = pictures.canvas(Math.min(count, NEURONS_WIDE), height);
      neurons.role = "img";
      neurons.ariaLabel = `${layer.name}, ${whose}${counted}`;
      const block = make("div", { className: "strip neurons" }, neurons);
      return make("div", {}, heading, block);
    }
    const strip = make("div", {
      className: "strip",
      role: "group",
      ariaLabel: `${layer.name}, ${whose}${counted}, brightest first`,
    });
    strip.append(
      ...Array.from({ length: Math.min(count, SHOWN) }, () => tile(layer)),
    );
    strip.addEventListener("keydown", (event) => walk(event, strip));
    if (count > SHOWN) {
      const all = make("button", { type: "button", className: "all" });
      all.textContent = `All ${count}`;
      all.ariaExpanded = "false";
      all.ariaLabel = `All ${count} maps of ${layer.name}, ${whose || "tower 0"}`;
      all.addEventListener("click", () => {
        const more = all.ariaExpanded !== "true";
        all.ariaExpanded = String(more);
        all.textContent = more ? "Fewer" : `All ${count}`;
        strip.classList.toggle("whole", more);
        const wanted = more ? count : SHOWN;
        while (strip.children.length > wanted) strip.lastChild.remove();
        while (strip.children.length < wanted) strip.append(tile(layer));
        const first = formulas.firstMap(layer, tower);
        if (this.data.has(layer.name)) this.fill(layer, strip, first, count);
      });
      heading.append(" ", all);
    }
    return make("div", {}, heading, strip);
  }

  /** Lines from the layer below: those of an exchange cross. */
  connections(layer) {
    const below = this.layers.get(layer.reads);
    const from = middles(below ? below.maps.length : 1);
    const to = middles(layer.maps.length);
    const meets = this.meets(layer);
    const lines = to.flatMap((end, tower) =>
      from.map((start, other) => ({ start, end, own: tower === other })),
    );
    const drawn = lines.filter(({ own }) => own || meets || from.length === 1);
    const name = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(name, "svg");
    svg.setAttribute("viewBox", "0 0 100 24");
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("aria-hidden", "true");
    for (const { start, end, own } of drawn) {
      const line = document.createElementNS(name, "line");
      const place = { x1: start, y1: 0, x2: end, y2: 24 };
      for (const key in place) line.setAttribute(key, place[key]);
      line.classList.toggle("crossing", meets && !own);
      svg.append(line);
    }
    return make("div", { className: "connections" }, svg);
  }

  /** Whether each tower of a layer sees the other tower's maps too. */
  meets(layer) {
    const below = this.layers.get(layer.reads);
    return Boolean(layer.exchange && below && below.maps.length > 1);
  }

  // The maps

  fill(layer, strip, first, count) {
    const data = this.data.get(layer.name);
    const order = pictures.brightestFirst(data, first, count);
    [...strip.children].forEach((button, rank) => {
      const map = order[rank];
      const { tower, own } = formulas.towerOf(layer, map);
      const whose = layer.maps.length > 1 ? `tower ${tower}, ` : "";
      button.dataset.map = map;
      button.ariaLabel = `${layer.name}, ${whose}map ${own}`;
      button.disabled = false;
      button.classList.remove("waiting");
      button.tabIndex = rank ? -1 : 0;
      button.onclick = () => this.open(layer, map, button);
      pictures.drawMap(data, layer.range, map, button.firstChild);
    });
  }

  fillNeurons(layer, strip, first, count) {
    const { values } = this.data.get(layer.name);
    const own = values.subarray(first, first + count);
    pictures.drawNeurons(own, layer.range, strip.firstChild);
  }

  // One map at large

  close() {
    this.opened?.panel.remove();
    this.opened?.button.setAttribute("aria-expanded", "false");
    this.opened = null;
  }

  open(layer, map, button) {
    const again = this.opened?.button === button;
    this.close();
    if (again) return;
    const panel = make("section", { className: "detail" });
    panel.ariaLabel = button.ariaLabel;
    this.opened = { panel, button };
    button.setAttribute("aria-expanded", "true");
    document.getElementById(`layer-${layer.name}`).append(panel);
    const data = this.data.get(layer.name);
    const [row, column] = brightestPlace(data, map);
    this.fillDetail(panel, layer, map, { row, column });
  }

  fillDetail(panel, layer, map, place) {
    const data = this.data.get(layer.name);
    const [height, width] = data.shape;
    const title = make("h4", {}, panel.ariaLabel);
    const close = make("button", { type: "button" }, "Close");
    close.addEventListener("click", () => {
      const { button } = this.opened;
      this.close();
      button.focus();
    });
    const large = pictures.drawMap(data, layer.range, map);
    const mark = make("div", { className: "field" });
    const onMap = make("div", { className: "picture map" }, large, mark);
    const field = make("div", { className: "field" });
    const crop = pictures.cutOut(this.crop, square(0, this.crop.width), 224);
    const onCrop = make("div", { className: "picture" }, crop, field);
    const row = numberInput("Row", height, place.row);
    const column = numberInput("Column", width, place.column);
    const text = make("div", { className: "formula", role: "status" });
    const kernels = make("div", { className: "kernels" });
    const seen = make("figcaption", {});
    const go = () => {
      const at = { row: row.value, column: column.value, map };
      put(mark, at.row, at.row + 1, at.column, at.column + 1, height, width);
      const side = this.about.crop;
      const [top, bottom] = formulas.receptiveField(this.layers, layer, at.row);
      const [left, right] = formulas.receptiveField(
        this.layers,
        layer,
        at.column,
      );
      put(field, top, bottom, left, right, side, side);
      seen.textContent =
        `This place looks at ${bottom - top}×${right - left} pixels of the ` +
        "photograph" +
        (Math.min(top, left) < 0 || Math.max(bottom, right) > side
          ? ", some beyond its edge, which are 0."
          : ".");
      this.explain(text, layer, at);
    };
    for (const { input } of [row, column]) input.addEventListener("input", go);
    onMap.addEventListener("click", (event) => {
      const box = large.getBoundingClientRect();
      row.value = ((event.clientY - box.top) / box.height) * height;
      column.value = ((event.clientX - box.left) / box.width) * width;
      go();
    });
    panel.append(
      make("header", {}, title, close),
      make(
        "div",
        { className: "large" },
        make(
          "figure",
          {},
          onMap,
          make(
            "figcaption",
            {},
            `${height}×${width} places; white is the layer's largest value. `,
            "Choose a place:",
            make("span", { className: "place" }, row.label, column.label),
          ),
        ),
        make("figure", {}, onCrop, seen),
        kernels,
      ),
      text,
    );
    go();
    this.showKernel(kernels, layer, map);
  }

  /** conv1's kernel in colour; else the patches that excite the map most. */
  async showKernel(target, layer, map) {
    const patches = this.patches(layer, map);
    if (layer.kind === "convolution" && layer.reads === "input") {
      const { kernel } = await this.kernelOf(layer.name, map);
      const image = pictures.drawKernel(kernel, this.about.channels);
      image.role = "img";
      image.ariaLabel = "The kernel";
      const size = kernel.shape.join("×");
      target.append(
        make(
          "figure",
          {},
          make("div", { className: "picture map kernel" }, image),
          make("figcaption", {}, `Its ${size} kernel; grey is a weight of 0.`),
        ),
      );
    }
    if (patches.length) {
      target.append(
        make(
          "figure",
          {},
          make("div", { className: "patches" }, ...patches),
          make("figcaption", {}, "What excites it most in this photograph."),
        ),
      );
    }
  }

  patches(layer, map) {
    const data = this.data.get(layer.name);
    const [height, width] = data.shape;
    const places = [];
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const value = formulas.valueAt(data, row, column, map);
        if (value > 0) places.push({ row, column, value });
      }
    }
    places.sort((a, b) => b.value - a.value);
    // Neighbours see nearly the same: each patch is two places from others.
    const chosen = [];
    for (const place of places) {
      const isNew = chosen.every(
        ({ row, column }) =>
          Math.max(Math.abs(row - place.row), Math.abs(column - place.column)) >
          1,
      );
      if (isNew) chosen.push(place);
      if (chosen.length === PATCHES) break;
    }
    return chosen.map(({ row, column, value }) => {
      const [top, bottom] = formulas.receptiveField(this.layers, layer, row);
      const [left, right] = formulas.receptiveField(this.layers, layer, column);
      const part = { top, left, height: bottom - top, width: right - left };
      const patch = pictures.cutOut(this.crop, part, 72);
      patch.role = "img";
      patch.ariaLabel = `Row ${row}, column ${column}: ${number(value)}`;
      return patch;
    });
  }

  /** The formula of a layer with the numbers of a place. */
  async explain(target, layer, place) {
    const data = this.data.get(layer.name);
    const input = this.data.get(layer.reads);
    const found = formulas.valueAt(data, place.row, place.column, place.map);
    const lines = await this.lines(layer, input, place);
    target.replaceChildren(
      ...lines.map((line) => make("p", {}, ...line)),
      make(
        "p",
        {},
        "The model has ",
        make("data", { value: found, className: "found" }, number(found)),
        " here.",
      ),
    );
  }

  async lines(layer, input, place) {
    const result = (value) =>
      make("data", { value, className: "computed" }, number(value));
    if (layer.kind === "convolution") {
      const { kernel, bias } = await this.kernelOf(layer.name, place.map);
      const below = this.layers.get(layer.reads);
      const terms = formulas.convolution(
        layer,
        below,
        input,
        kernel,
        bias,
        place,
      );
      const before = `bias + Σ w·x = ${number(bias)} + ${number(terms.sum)}`;
      const name = terms.activation === "relu" ? "max(0, ·)" : terms.activation;
      return [
        [`Convolution: the sum of ${terms.products.toLocaleString("en")} `
          + "products of a weight and what it sees, and the bias."],
        [`${before} = ${number(bias + terms.sum)}`],
        terms.value === undefined || terms.activation === "linear"
          ? ["It goes on as it is."]
          : [`After the activation ${name}: `, result(terms.value)],
      ];
    }
    if (layer.kind === "lrn") {
      const { a, neighbours, divisor, value } = formulas.lrn(
        layer,
        input,
        place,
      );
      const squares = neighbours.map((x) => `${number(x)}²`).join(" + ");
      return [
        ["Local response normalization: a map is damped where it and its "
          + "neighbours are loud."],
        [`a / (k + α Σ a²)^β = ${number(a)} / (${layer.k} + ${layer.alpha} · `
          + `(${squares}))^${layer.beta}`],
        [`= ${number(a)} / ${number(divisor)} = `, result(value)],
      ];
    }
    if (layer.kind === "pool") {
      const { seen, value } = formulas.pool(layer, input, place);
      const rows = seen.map((row) =>
        make("tr", {}, ...row.map((x) => make("td", {}, number(x)))),
      );
      return [
        [`Max pooling: the largest of ${seen.flat().length} places, the next `
          + `pool ${layer.stride} places on.`],
        [make("table", { className: "seen" }, make("tbody", {}, ...rows))],
        ["Largest: ", result(value)],
      ];
    }
    if (layer.kind === "same_map_norm") {
      const { a, divisor, value } = formulas.sameMapNorm(layer, input, place);
      return [
        ["Normalization over a window of the same map."],
        [`${number(a)} / ${number(divisor)} = `, result(value)],
      ];
    }
    const { a, value } = formulas.activation(layer, input, place);
    return [[`${layer.activation}(${number(a)}) = `, result(value)]];
  }
}

/** Text of a number: four digits that count. */
export function number(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential(2);
  return String(Number(value.toPrecision(4)));
}

/** A layer in a few words. */
function described(layer) {
  const sides = `${layer.size.join("×")} places`;
  const activation =
    layer.activation && layer.activation !== "linear"
      ? `, ${layer.activation === "relu" ? "ReLU" : layer.activation}`
      : "";
  if (layer.kind === "convolution") {
    const { kernel, stride } = layer;
    return `${kernel}×${kernel} kernels, stride ${stride}${activation}; ${sides}`;
  }
  if (layer.kind === "pool") {
    const { kernel, stride } = layer;
    const largest = `largest of ${kernel}×${kernel}`;
    return `${largest}, stride ${stride}; ${sides}`;
  }
  const names = {
    lrn: `local response normalization; ${sides}`,
    same_map_norm: `normalization within a map; ${sides}`,
    activation: `${layer.activation}; ${sides}`,
    dense: `fully connected${activation}`,
  };
  return names[layer.kind];
}

function tile({ size: [height, width] }) {
  const button = make(
    "button",
    { type: "button", className: "tile waiting", disabled: true },
    pictures.canvas(width, height),
  );
  button.ariaLabel = "not there yet";
  return button;
}

/** Arrow keys go from map to map; Tab from strip to strip. */
function walk(event, strip) {
  const tiles = [...strip.children];
  const at = tiles.indexOf(document.activeElement);
  const goals = {
    ArrowRight: at + 1,
    ArrowDown: at + 1,
    ArrowLeft: at - 1,
    ArrowUp: at - 1,
    Home: 0,
    End: tiles.length - 1,
  };
  const goal = tiles[goals[event.key]];
  if (at < 0 || !goal) return;
  event.preventDefault();
  tiles[at].tabIndex = -1;
  goal.tabIndex = 0;
  goal.focus();
}

/** Where the middles of so many towers are, in percent. */
function middles(count) {
  return Array.from({ length: count }, (_, i) => (100 * (i + 0.5)) / count);
}

function square(first, side) {
  return { top: first, left: first, height: side, width: side };
}

function brightestPlace(data, map) {
  const [height, width] = data.shape;
  let best = [0, 0];
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const value = formulas.valueAt(data, row, column, map);
      if (value > formulas.valueAt(data, ...best, map)) best = [row, column];
    }
  }
  return best;
}

/** Lays a box over a picture of so many rows and columns. */
function put(box, top, bottom, left, right, height, width) {
  const within = (value, most) => Math.min(Math.max(value, 0), most);
  [top, bottom] = [within(top, height), within(bottom, height)];
  [left, right] = [within(left, width), within(right, width)];
  box.style.top = `${(100 * top) / height}%`;
  box.style.height = `${(100 * (bottom - top)) / height}%`;
  box.style.left = `${(100 * left) / width}%`;
  box.style.width = `${(100 * (right - left)) / width}%`;
}

/** A field for a number from 0 to below `count`: {label, input, value}. */
function numberInput(name, count, value) {
  const input = make("input", {
    type: "number",
    min: 0,
    max: count - 1,
    value,
    autocomplete: "off",
  });
  return {
    input,
    label: make("label", {}, `${name} `, input),
    get value() {
      const given = Math.floor(input.valueAsNumber) || 0;
      return Math.min(Math.max(given, 0), count - 1);
    },
    set value(place) {
      input.value = Math.min(Math.max(Math.floor(place), 0), count - 1);
    },
  };
}
