// Canvases: maps as greys, kernels and heat as colours, parts of a photograph.

/** A new canvas of a size in pixels. */
export function canvas(width, height = width) {
  return Object.assign(document.createElement("canvas"), { width, height });
}

/** Fills a canvas: `colour` gives [red, green, blue, alpha] of each pixel. */
function paint(target, colour) {
  const { width, height } = target;
  const image = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    image.data.set(colour(Math.floor(i / width), i % width), 4 * i);
  }
  target.getContext("2d").putImageData(image, 0, 0);
  return target;
}

/** Lowest and highest activation of a layer; the lowest is at most 0. */
export function rangeOf({ values }) {
  let [lowest, highest] = [0, 0];
  for (const value of values) {
    if (value < lowest) lowest = value;
    if (value > highest) highest = value;
  }
  return { lowest, span: highest - lowest || 1 };
}

/**
 * One map in greys: white is the layer's largest activation.
 *
 * The grey is the square root of what lies between, since few activations
 * come near the largest.
 */
export function drawMap({ shape, values }, { lowest, span }, map, target) {
  const [height, width, maps] = shape;
  target ??= canvas(width, height);
  return paint(target, (row, column) => {
    const value = values[(row * width + column) * maps + map];
    const grey = 255 * Math.sqrt((value - lowest) / span);
    return [grey, grey, grey, 255];
  });
}

/** Numbers of the maps of a tower, the one with the largest sum first. */
export function brightestFirst({ shape, values }, first, count) {
  const maps = shape[2];
  const sums = new Float64Array(count);
  for (let at = first; at < values.length; at += maps) {
    for (let i = 0; i < count; i++) sums[i] += values[at + i];
  }
  const order = Array.from({ length: count }, (_, i) => i);
  return order.sort((a, b) => sums[b] - sums[a]).map((i) => first + i);
}

/** Neurons in rows, in greys. */
export function drawNeurons(values, { lowest, span }, target) {
  return paint(target, (row, column) => {
    const value = values[row * target.width + column];
    if (value === undefined) return [0, 0, 0, 0];
    const grey = 255 * Math.sqrt((value - lowest) / span);
    return [grey, grey, grey, 255];
  });
}

/** A kernel of conv1 in colour: mid-grey is a weight of 0. */
export function drawKernel({ shape, values }, channels) {
  const [height, width] = shape;
  const largest = Math.max(...values.map(Math.abs)) || 1;
  const order = channels === "bgr" ? [2, 1, 0] : [0, 1, 2];
  return paint(canvas(width, height), (row, column) => {
    const at = 3 * (row * width + column);
    const rgb = order.map((c) => 127.5 + (127.5 * values[at + c]) / largest);
    return [...rgb, 255];
  });
}

/** A part of a picture, enlarged or made smaller to a square. */
export function cutOut(picture, { top, left, height, width }, side) {
  const target = canvas(side);
  target
    .getContext("2d")
    .drawImage(picture, left, top, width, height, 0, 0, side, side);
  return target;
}

// Black, violet, orange, yellow: brighter is more, also to the colour-blind.
const HEAT = [
  [0, 0, 4],
  [87, 16, 110],
  [188, 55, 84],
  [249, 142, 9],
  [252, 255, 164],
];

/** [red, green, blue] of a share from 0 to 1. */
function heat(share) {
  const place = Math.min(Math.max(share, 0), 1) * (HEAT.length - 1);
  const low = Math.min(Math.floor(place), HEAT.length - 2);
  return HEAT[low].map((c, i) => c + (place - low) * (HEAT[low + 1][i] - c));
}

/** Rows of numbers as colours over a picture made grey. */
export function drawHeat(picture, rows) {
  const side = picture.width;
  const target = canvas(side);
  const context = target.getContext("2d");
  context.filter = "grayscale(1)";
  context.drawImage(picture, 0, 0);
  context.filter = "none";
  const largest = Math.max(...rows.flat()) || 1;
  const small = paint(canvas(rows[0].length, rows.length), (row, column) => [
    ...heat(rows[row][column] / largest),
    255,
  ]);
  context.globalAlpha = 0.6;
  context.imageSmoothingQuality = "high";
  context.drawImage(small, 0, 0, side, side);
  return target;
}
