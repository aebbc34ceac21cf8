// Elements and texts that all parts of the page make.

/** An element with properties and children, which are elements or text. */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** The element with an id. */
export const at = (id) => document.getElementById(id);

/** Text of a probability; no class is said to be certain or impossible. */
export function percent(score) {
  if (score > 0 && score < 0.0005) return "< 0.1\u00a0%";
  if (score < 1 && score >= 0.9995) return "> 99.9\u00a0%";
  return `${(100 * score).toFixed(1)}\u00a0%`;
}
