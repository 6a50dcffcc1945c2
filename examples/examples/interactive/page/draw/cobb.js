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

/** Writes their angles (`degrees`), with the names of the end vertebrae. */
export function drawCobbAngles(context, curves, names, view, unit) {
  curves.forEach((curve, index) => {
    if (!isAngle(curve)) return;
    const [[, above], [, below]] = extended(curve, view);
    const text = `${names[curve.upper]}–${names[curve.lower]}  ${curve.degrees.toFixed(1)}°`;
    chip(context, text, { x: (above.x + below.x) / 2, y: (above.y + below.y) / 2 }, cobbColour(index), unit);
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

function chip(context, text, middle, colour, unit) {
  context.font = `600 ${12 * unit}px system-ui, sans-serif`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  const { canvas } = context;
  const ratio = context.getTransform().a;
  const [width, height, margin] = [context.measureText(text).width + 14 * unit, 22 * unit, 6 * unit];
  const into = (value, half, least, size) => Math.min(size - half - margin, Math.max(half + least, value));
  const x = into(middle.x, width / 2, TOOLS * unit, canvas.width / ratio);
  const y = into(middle.y, height / 2, margin, canvas.height / ratio);
  context.beginPath();
  context.roundRect(x - width / 2, y - height / 2, width, height, 5 * unit);
  context.fillStyle = 'rgba(10, 14, 19, 0.92)';
  context.fill();
  context.strokeStyle = colour;
  context.lineWidth = 1.25 * unit;
  context.stroke();
  context.fillStyle = colour;
  context.fillText(text, x, y + 0.5 * unit);
}
