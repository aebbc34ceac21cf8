// Which parts of a photograph a class depends on: a grey square slides over
// the central crop (Zeiler and Fergus, ECCV 2014, section 4.2), as in
// `alexnet_tf.analysis.occlusion`.

import { predict, tensor } from "./api.js";
import { canvas } from "./pictures.js";

const GREY = "rgb(128, 128, 128)";
const SHARE = 4; // the square's side is the crop's divided by this
const POSITIONS = 13; // of the square, in each direction
const LEAST = 1e-6; // probability that counts: float32 tells no smaller apart

/** The probability of a class with a part of the photograph covered. */
export class Occlusion {
  /** reason: a `Reason` of the model. label: number of the class. */
  constructor(reason, label) {
    this.reason = reason;
    this.label = label;
    const { crop } = reason.network;
    this.square = Math.floor(crop / SHARE);
    const edge = (reason.picture.width - crop) / 2;
    this.starts = Array.from({ length: POSITIONS }, (_, i) =>
      Math.round(edge + ((crop - this.square) * i) / (POSITIONS - 1)),
    );
  }

  /** Covers row after row; `tell` learns the share that is done. */
  async run(signal, tell) {
    [this.uncovered] = await this.probabilities([null], signal);
    this.covered = [];
    for (const top of this.starts) {
      const places = this.starts.map((left) => ({ top, left }));
      this.covered.push(await this.probabilities(places, signal));
      tell(this.covered.length / POSITIONS);
    }
    this.least = Math.min(...this.covered.flat());
    // Where a class is nearly certain its probability stays near 1 whatever is
    // hidden; its log-odds fall all the same.
    const before = logOdds(this.uncovered);
    this.hidden = this.covered.map((row) =>
      row.map((p) => Math.max(0, before - logOdds(p))),
    );
  }

  async probabilities(places, signal) {
    const { path, network } = this.reason;
    const layer = network.layers.at(-1).name;
    const instances = places.map((place) => ({
      record_bytes: { b64: this.png(place) },
      layer,
    }));
    const answers = await predict(path, "maps", instances, signal);
    return answers.map(({ b64 }) => softmax(tensor(b64).values)[this.label]);
  }

  /** The record as a PNG file, a place covered. */
  png(place) {
    const { picture } = this.reason;
    const target = canvas(picture.width, picture.height);
    const context = target.getContext("2d");
    context.drawImage(picture, 0, 0);
    context.fillStyle = GREY;
    if (place) {
      context.fillRect(place.left, place.top, this.square, this.square);
    }
    return target.toDataURL("image/png").split(",")[1];
  }
}

function softmax(logits) {
  const most = Math.max(...logits);
  const powers = [...logits].map((x) => Math.exp(x - most));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((x) => x / total);
}

function logOdds(p) {
  const within = Math.min(Math.max(p, LEAST), 1 - LEAST);
  return Math.log(within) - Math.log1p(-within);
}
