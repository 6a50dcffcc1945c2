// Draws what was measured: lines with marks at their ends, and the result beside them.

import { inWords, linesOf, measuredNow } from '../measures.js';
import { INK } from '../palette.js';
import { chip, chipBox } from './cobb.js';

const MARK = 5;

/** Draws the measurements of an image, and the one that is being made. `places` are points that labels do not hide. */
export function drawMeasures(context, { image, measuring, view }, places, unit) {
  const made = image.measures.map((measured) => ({ lines: linesOf(measured), text: inWords(measured) }));
  if (measuring) {
    const now = measuredNow(measuring, image);
    made.push({ lines: measuring.lines, text: now && inWords(now) });
  }
  const taken = [];
  for (const { lines, text } of made) {
    const shown = lines.map((line) => line.map((end) => view.toScreen(end)));
    for (const line of shown) drawLine(context, line, unit);
    if (!text) continue;
    const [from, to] = shown.at(-1);
    const part = (by) => ({ x: from.x + by * (to.x - from.x), y: from.y + by * (to.y - from.y) });
    const box = chipBox(context, text, [part(0.5), part(1), part(0)], { places, taken }, unit);
    taken.push(box);
    chip(context, text, box, INK.measure, unit);
  }
}

function drawLine(context, [from, to], unit) {
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  const [across, down] = [(-(to.y - from.y) / length) * MARK * unit, ((to.x - from.x) / length) * MARK * unit];
  const path = new Path2D();
  path.moveTo(from.x, from.y);
  path.lineTo(to.x, to.y);
  for (const { x, y } of [from, to]) {
    path.moveTo(x - across, y - down);
    path.lineTo(x + across, y + down);
  }
  for (const [colour, width] of [[INK.outline, 3.5], [INK.measure, 1.5]]) {
    context.strokeStyle = colour;
    context.lineWidth = width * unit;
    context.stroke(path);
  }
}
