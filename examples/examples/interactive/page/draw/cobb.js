// Draws Cobb angles: the end plates of the end vertebrae, made longer towards where they meet, and the angle there.

import { INK } from '../palette.js';

const BEYOND = 0.3;
const TOWARDS = 1.5;
/** The width of the buttons on the left, under which nothing is written. */
const TOOLS = 52;

/** Draws the lines of `curves` (each has two `lines` in image space). */
export function drawCobbLines(context, curves, view, unit) {
  curves.forEach((curve, index) => {
    if (isAngle(curve)) drawLines(context, extended(curve, view), cobbColour(index), unit);
  });
}

/**
 * Writes their angles (`degrees`), with the names of the end vertebrae, where they hide none of `places` on the screen and none of
 * each other, as far as there is such a place.
 */
export function drawCobbAngles(context, curves, names, places, view, unit) {
  const taken = [];
  curves.forEach((curve, index) => {
    if (!isAngle(curve)) return;
    const [[nearAbove, above], [nearBelow, below]] = extended(curve, view);
    const text = `${names[curve.upper]}–${names[curve.lower]}  ${curve.doubtful ? '? ' : ''}${curve.degrees.toFixed(1)}°`;
    const between = (a, b, part) => ({ x: a.x + part * (b.x - a.x), y: a.y + part * (b.y - a.y) });
    const outside = [0.5, 0.25, 0.75, 0, 1].map((part) => between(above, below, part));
    const opposite = [0.5, 0.25, 0.75].map((part) => between(nearAbove, nearBelow, part));
    const box = chipBox(context, text, [...outside, ...opposite], { places, taken }, unit);
    taken.push(box);
    chip(context, text, box, cobbColour(index), unit);
  });
}

/** The challenge's second and third angle may be of a vertebra with itself. */
const isAngle = ({ upper, lower }) => upper !== lower;

/** The colour of the curve at a place of the list. */
export const cobbColour = (index) => INK.cobb[index % INK.cobb.length];

/** Both lines on the screen, made longer: the near end and the far end of each. */
function extended(curve, view) {
  const [upper, lower] = curve.lines.map((line) => line.map(([x, y]) => view.toScreen({ x, y })));
  const side = meetingSide(upper, lower);
  return [upper, lower].map(([left, right]) => {
    const along = (part) => ({ x: left.x + part * (right.x - left.x), y: left.y + part * (right.y - left.y) });
    return side < 0 ? [along(1 + BEYOND), along(-TOWARDS)] : [along(-BEYOND), along(1 + TOWARDS)];
  });
}

function drawLines(context, ends, colour, unit) {
  for (const [near, far] of ends) stroke(context, near, far, colour, 2 * unit);
  const [above, below] = ends.map(([, far]) => far);
  context.setLineDash([4 * unit, 4 * unit]);
  stroke(context, above, below, colour, 1.25 * unit);
  context.setLineDash([]);
}

/** -1 where two lines come closer towards the left, 1 towards the right. */
function meetingSide(upper, lower) {
  const slope = ([left, right]) => (right.y - left.y) / (right.x - left.x || 1);
  return slope(upper) > slope(lower) ? 1 : -1;
}

function stroke(context, from, to, colour, width) {
  context.beginPath();
  context.moveTo(from.x, from.y);
  context.lineTo(to.x, to.y);
  context.strokeStyle = INK.outline;
  context.lineWidth = width * 2;
  context.stroke();
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.stroke();
}

/** How much further a label may be put aside, in heights of a label. */
const ASIDE = [0, 1.2, -1.2, 2.4, -2.4, 3.6, -3.6];

/** The box of a label at the first of the places where it hides nothing; otherwise where it hides the least. */
export function chipBox(context, text, middles, { places, taken }, unit) {
  context.font = `600 ${12 * unit}px system-ui, sans-serif`;
  const ratio = context.getTransform().a;
  const [width, height, margin] = [context.measureText(text).width + 14 * unit, 22 * unit, 6 * unit];
  const [right, bottom] = [context.canvas.width / ratio, context.canvas.height / ratio];
  const into = (value, half, least, size) => Math.min(size - half - margin, Math.max(half + least, value));
  const boxAt = ({ x, y }) => {
    const [middle, level] = [into(x, width / 2, TOOLS * unit, right), into(y, height / 2, margin, bottom)];
    return { x: middle - width / 2, y: level - height / 2, width, height };
  };
  const boxes = middles.flatMap(({ x, y }) => ASIDE.map((by) => boxAt({ x, y: y + by * height })));
  const near = 8 * unit;
  const hidden = (box) => places.filter(({ x, y }) =>
    x > box.x - near && x < box.x + box.width + near && y > box.y - near && y < box.y + box.height + near).length;
  const over = (box) => taken.filter((other) =>
    box.x < other.x + other.width && other.x < box.x + box.width && box.y < other.y + other.height && other.y < box.y + box.height).length;
  let [best, least] = [boxes[0], Infinity];
  for (const box of boxes) {
    const cost = hidden(box) + 10 * over(box);
    if (cost < least) [best, least] = [box, cost];
    if (cost === 0) break;
  }
  return best;
}

/** Draws a label into its box. */
export function chip(context, text, { x, y, width, height }, colour, unit) {
  context.font = `600 ${12 * unit}px system-ui, sans-serif`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.beginPath();
  context.roundRect(x, y, width, height, 5 * unit);
  context.fillStyle = 'rgba(10, 14, 19, 0.92)';
  context.fill();
  context.strokeStyle = colour;
  context.lineWidth = 1.25 * unit;
  context.stroke();
  context.fillStyle = colour;
  context.fillText(text, x + width / 2, y + height / 2 + 0.5 * unit);
}
