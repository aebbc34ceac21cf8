// What a layer computes at one place, with the numbers of this place; and
// where on the photograph a place looks. A layer is as the model's signature
// `about` describes it.

const MATHS = {
  relu: (x) => Math.max(0, x),
  tanh: Math.tanh,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  linear: (x) => x,
};

/** The value of a map at a place. */
export function valueAt({ shape, values }, row, column, map) {
  const [, width, maps] = shape;
  return values[(row * width + column) * maps + map];
}

/** The tower of a map, and its number there. */
export function towerOf(layer, map) {
  let tower = 0;
  while (map >= layer.maps[tower]) map -= layer.maps[tower++];
  return { tower, own: map };
}

/**
 * Rows, or columns, of the crop that a place depends on: [first, end).
 *
 * They may lie outside the crop, where a layer pads with zeros.
 */
export function receptiveField(layers, layer, position) {
  let [first, last] = [position, position];
  for (let below = layer; below; below = layers.get(below.reads)) {
    const { size, step, before } = windowOf(below);
    first = first * step - before;
    last = last * step - before + size - 1;
  }
  return [first, last + 1];
}

function windowOf({ kind, kernel, stride, padding = 0, window }) {
  if (kind === "same_map_norm") {
    return { size: window, step: 1, before: (window - 1) / 2 };
  }
  return { size: kernel ?? 1, step: stride ?? 1, before: padding };
}

/**
 * A convolution at a place.
 *
 * Returns {bias, sum, products, activation, value}: value is the activation
 * of bias + sum, sum that of the products of weights and what they see.
 */
export function convolution(layer, below, input, kernel, bias, place) {
  const [height, width, channels] = input.shape;
  const [size, , seen] = kernel.shape;
  const first =
    layer.exchange || !below ? 0 : firstMap(below, towerOf(layer, place.map).tower);
  let sum = 0;
  let products = 0;
  for (let i = 0; i < size; i++) {
    const row = place.row * layer.stride - layer.padding + i;
    if (row < 0 || row >= height) continue;
    for (let j = 0; j < size; j++) {
      const column = place.column * layer.stride - layer.padding + j;
      if (column < 0 || column >= width) continue;
      const x = (row * width + column) * channels + first;
      const w = (i * size + j) * seen;
      for (let k = 0; k < seen; k++) {
        sum += kernel.values[w + k] * input.values[x + k];
      }
      products += seen;
    }
  }
  const activate = MATHS[layer.activation];
  const value = activate ? activate(bias + sum) : undefined;
  return { bias, sum, products, activation: layer.activation, value };
}

/** The number of a tower's first map. */
export function firstMap(layer, tower) {
  return layer.maps.slice(0, tower).reduce((a, b) => a + b, 0);
}

/** Local response normalization: {a, neighbours, divisor, value}. */
export function lrn(layer, input, { row, column, map }) {
  const { tower, own } = towerOf(layer, map);
  const whole = layer.scope === "layer";
  const count = whole ? input.shape[2] : layer.maps[tower];
  const centre = whole ? map : own;
  const reach = Math.floor(layer.n / 2);
  const neighbours = [];
  for (let j = centre - reach; j <= centre + reach; j++) {
    if (j < 0 || j >= count) continue;
    neighbours.push(valueAt(input, row, column, map - centre + j));
  }
  const squares = neighbours.reduce((total, a) => total + a * a, 0);
  const divisor = (layer.k + layer.alpha * squares) ** layer.beta;
  const a = valueAt(input, row, column, map);
  return { a, neighbours, divisor, value: a / divisor };
}

/** Max pooling: {seen: rows of what the pool covers, value}. */
export function pool(layer, input, place) {
  const seen = windowRows(input, place, windowOf(layer));
  return { seen, value: Math.max(...seen.flat()) };
}

/** Normalization over a window of the same map: {a, divisor, value}. */
export function sameMapNorm(layer, input, place) {
  const seen = windowRows(input, place, windowOf(layer)).flat();
  const squares = seen.reduce((total, a) => total + a * a, 0);
  const divisor = (layer.k + layer.alpha * squares) ** layer.beta;
  const a = valueAt(input, place.row, place.column, place.map);
  return { a, divisor, value: a / divisor };
}

/** An activation that stands by itself: {a, value}. */
export function activation(layer, input, { row, column, map }) {
  const a = valueAt(input, row, column, map);
  return { a, value: MATHS[layer.activation]?.(a) };
}

function windowRows(input, { row, column, map }, { size, step, before }) {
  const [height, width] = input.shape;
  const within = (position, side) => {
    const first = position * step - before;
    const all = Array.from({ length: size }, (_, i) => first + i);
    return all.filter((p) => p >= 0 && p < side);
  };
  return within(row, height).map((r) =>
    within(column, width).map((c) => valueAt(input, r, c, map)),
  );
}
