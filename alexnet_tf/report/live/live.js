// The page of a run that is watched: looks at run.json again and again and
// draws what has come. Texts of the run enter the page as text.

const MS = 2000; // from one look to the next, at least
const SHARE = 0.01; // of the time, that looking may take
const WIDTH = 360;
const HEIGHT = 220;
const [LEFT, RIGHT, TOP, BOTTOM] = [52, 10, 10, 28];
const SVG = "http://www.w3.org/2000/svg";
// Told apart by the colour-blind (Okabe and Ito), on light and dark.
const COLOURS = [
  ...["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b58900"],
  ...["#56b4e9", "#8c564b", "#7f7f7f"],
];

/** Gives a line, or its key, a colour; dashes where colours come again. */
function draw(element, number) {
  element.style.setProperty("--colour", COLOURS[number % COLOURS.length]);
  element.classList.toggle("dashed", number >= COLOURS.length);
}

const at = (id) => document.getElementById(id);
const followed = { newest: true }; // the newest epoch's kernels

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function shape(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const key in attributes) element.setAttribute(key, attributes[key]);
  element.append(...children);
  return element;
}

/** Text of a number: three digits that count. */
function short(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential(1);
  return String(Number(value.toPrecision(3)));
}

/** About so many round numbers from low to high. */
function ticks(low, high, count) {
  const span = high - low || Math.abs(high) || 1;
  const raw = span / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].find((m) => m * power >= raw) * power;
  const all = [];
  const first = Math.floor(low / step);
  for (let i = first; i <= Math.ceil(high / step) || all.length < 2; i++) {
    all.push(i * step);
  }
  return all;
}

/** A figure of lines: series is {name: [[x, y], ...]}. */
function chart(title, xName, series, { log = false, zero = false } = {}) {
  const drawn = Object.entries(series).map(([name, points]) => [
    name,
    points.filter(([, y]) => Number.isFinite(y) && (!log || y > 0)),
  ]);
  const points = drawn.flatMap(([, line]) => line);
  const caption = make("figcaption", {}, make("strong", {}, title));
  const figure = make("figure", {}, caption);
  drawn.forEach(([name], i) => {
    if (drawn.length < 2) return;
    const key = make("span", { className: "key" }, name);
    draw(key, i);
    caption.append(key);
  });
  if (!points.length) {
    figure.append(make("p", { className: "quiet" }, "Nothing yet."));
    return figure;
  }
  const scale = log ? Math.log10 : (y) => y;
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => scale(y));
  const xLast = Math.max(...xs);
  const xTicks = ticks(Math.min(...xs, 0), xLast, 5);
  // The lines fill the width: the last round number may lie far beyond them.
  const xEnds = [xTicks[0], xLast > xTicks[0] ? xLast : xTicks.at(-1)];
  const low = zero ? Math.min(0, ...ys) : Math.min(...ys);
  const yTicks = log
    ? whole(low, Math.max(...ys))
    : ticks(low, Math.max(...ys), 4);
  const place = (value, all, from, to) =>
    from + ((value - all[0]) / (all.at(-1) - all[0])) * (to - from);
  const x = (value) => place(value, xEnds, LEFT, WIDTH - RIGHT);
  const y = (value) => place(value, yTicks, HEIGHT - BOTTOM, TOP);
  const lines = drawn.map(([name, line], i) => {
    const path = line.map(([a, b]) => `${x(a).toFixed(1)},${y(scale(b)).toFixed(1)}`);
    const drawnLine = shape("polyline", { class: "line", points: path.join(" ") });
    draw(drawnLine, i);
    return drawnLine;
  });
  const told = drawn
    .filter(([, line]) => line.length)
    .map(([name, line]) => `${name} ${short(line.at(-1)[1])}`);
  figure.append(
    shape(
      "svg",
      {
        viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
        role: "img",
        "aria-label": `${title} by ${xName}, last: ${told.join(", ")}`,
      },
      ...yTicks.flatMap((tick) => [
        shape("line", {
          class: "grid",
          x1: LEFT,
          x2: WIDTH - RIGHT,
          y1: y(tick),
          y2: y(tick),
        }),
        shape(
          "text",
          { x: LEFT - 6, y: y(tick) + 4, "text-anchor": "end" },
          log ? short(10 ** tick) : Number(tick.toPrecision(6)),
        ),
      ]),
      ...xTicks
        .filter((tick) => tick <= xEnds[1])
        .map((tick) =>
          shape(
            "text",
            {
              x: x(tick),
              y: HEIGHT - 8,
              // A wide number at the right edge would be cut off there.
              "text-anchor": x(tick) > WIDTH - RIGHT - 20 ? "end" : "middle",
            },
            short(tick),
          ),
        ),
      ...lines,
    ),
  );
  return figure;
}

/** Whole powers of ten around a range, at least two. */
function whole(low, high) {
  const first = Math.floor(low);
  const last = Math.max(Math.ceil(high), first + 1);
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

function column(rows, xName, name) {
  return rows.map((row) => [row[xName], row[name]]);
}

const STATES = {
  absent: "is not there: it has not begun, or its folder was moved or removed",
  beginning: "has not made an update yet",
  running: "is training",
  silent: "has written nothing for two minutes: stopped, or validating",
  finished: "is finished",
};

function show(run) {
  document.title = `${run.name}: ${run.state}`;
  at("name").textContent = run.name;
  const state = `This run ${STATES[run.state]}.`;
  if (at("state").textContent !== state) at("state").textContent = state;
  const damaged = run.damaged.map(
    (name) => `watch/${name} is damaged: nothing of it is shown.`,
  );
  showAlarm([...run.alarm, ...damaged]);
  showNumbers(run);
  const { steps, epochs, inside, update_ratio: ratio } = run;
  at("steps").replaceChildren(
    chart("Loss", "update", { training: column(steps, "update", "loss") }),
    chart(
      "Top-1 error",
      "update",
      { training: column(steps, "update", "top1_error") },
      { zero: true },
    ),
    chart(
      "Learning rate",
      "update",
      { rate: column(steps, "update", "learning_rate") },
      { log: true },
    ),
    chart(
      "Images a second",
      "update",
      { speed: column(steps, "update", "images_per_second") },
      { zero: true },
    ),
  );
  const both = (name) => ({
    training: column(epochs, "epoch", name),
    validation: column(epochs, "epoch", `val_${name}`),
  });
  const ratios = Object.keys(epochs.at(-1) ?? {}).filter((key) =>
    key.startsWith(`${ratio}/`),
  );
  const dead = Object.keys(inside.at(-1)?.dead ?? {});
  at("epochs").replaceChildren(
    chart("Loss", "epoch", both("loss")),
    chart("Top-1 error", "epoch", both("top1_error"), { zero: true }),
    chart(
      "Update over weights; a thousandth is healthy",
      "epoch",
      Object.fromEntries(
        ratios.map((key) => [
          key.slice(ratio.length + 1),
          column(epochs, "epoch", key),
        ]),
      ),
      { log: true },
    ),
    chart(
      "Share of ReLUs that are 0 for every image looked at",
      "epoch",
      Object.fromEntries(
        dead.map((layer) => [
          layer,
          inside.map((row) => [row.epoch, row.dead[layer]]),
        ]),
      ),
      { zero: true },
    ),
  );
  showKernels(inside);
}

function showAlarm(lines) {
  const text = lines.join("\n");
  const alarm = at("alarm");
  if (alarm.dataset.text === text) return;
  alarm.dataset.text = text;
  alarm.replaceChildren(...lines.map((line) => make("p", {}, line)));
}

function showNumbers({ plan, steps, epochs, speed, seconds_left: left, state }) {
  const last = steps.at(-1);
  const total = plan ? plan.epochs * plan.steps_per_epoch : null;
  const best = epochs
    .map((row) => row.val_top1_error)
    .filter(Number.isFinite);
  const numbers = {
    Epochs: plan ? `${epochs.length} of ${plan.epochs}` : "–",
    Updates: last ? `${last.update} of ${total ?? "?"}` : "–",
    "Images a second": speed ? short(speed) : "–",
    "Time left": state === "running" && left !== null ? duration(left) : "–",
    "Learning rate": last ? short(last.learning_rate) : "–",
    "Best validation error": best.length
      ? `${(100 * Math.min(...best)).toFixed(1)} %`
      : "–",
  };
  at("numbers").replaceChildren(
    ...Object.entries(numbers).map(([name, value]) =>
      make("div", {}, make("dt", {}, name), make("dd", {}, value)),
    ),
  );
}

function duration(seconds) {
  const minutes = Math.round(seconds / 60);
  if (minutes < 1) return `${Math.round(seconds)} s`;
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function showKernels(inside) {
  at("choice").hidden = inside.length < 2;
  const slider = at("epoch");
  slider.max = Math.max(0, inside.length - 1);
  if (followed.newest) slider.value = slider.max;
  const chosen = inside[slider.valueAsNumber];
  if (!chosen) return;
  at("chosen").textContent = chosen.epoch || "0: the noise it began with";
  const figures = chosen.pictures.map((name, tower) => {
    const whose = chosen.pictures.length > 1 ? `tower ${tower}` : "all";
    const src = `epochs/${name}`;
    const alt = `Kernels of ${whose} after epoch ${chosen.epoch}`;
    return make(
      "figure",
      {},
      make("figcaption", {}, whose),
      make("img", { src, alt }),
    );
  });
  const sources = chosen.pictures.join();
  if (at("kernels").dataset.sources === sources) return;
  at("kernels").dataset.sources = sources;
  at("kernels").replaceChildren(...figures);
}

let seen = null;

async function look() {
  const begun = performance.now();
  let trouble =
    "Nobody answers: the command that served this page has ended. It goes " +
    "on by itself once that runs again.";
  try {
    const response = await fetch("run.json");
    trouble =
      `What the run has written cannot be shown (HTTP ${response.status}): ` +
      "the terminal of the command that serves this page may say why.";
    seen = await response.json();
    show(seen);
  } catch {
    at("state").textContent = trouble;
  }
  // A long run has long tables, which are read as a whole.
  setTimeout(look, Math.max(MS, (performance.now() - begun) / SHARE));
}

at("epoch").addEventListener("input", ({ target }) => {
  followed.newest = target.value === target.max;
  if (seen) showKernels(seen.inside);
});

look();
