// Draws the handle that turns the selected points, and the rectangle that selects some.

import { INK } from '../palette.js';
import { turnHandle } from '../selection.js';

export function drawTurnHandle(context, state, unit) {
  const handle = turnHandle(state, unit);
  if (!handle) return;
  const { middle, place } = handle;
  const line = new Path2D();
  line.moveTo(middle.x, middle.y);
  line.lineTo(place.x, place.y);
  outlined(context, line, unit);
  const knob = new Path2D();
  knob.arc(place.x, place.y, 7 * unit, 0, 2 * Math.PI);
  context.fillStyle = INK.selected;
  context.fill(knob);
  context.strokeStyle = INK.outline;
  context.lineWidth = 1.5 * unit;
  context.stroke(knob);
}

export function drawMarquee(context, marquee, unit) {
  if (!marquee) return;
  const { from, to } = marquee;
  const box = new Path2D();
  box.rect(from.x, from.y, to.x - from.x, to.y - from.y);
  context.fillStyle = 'rgba(143, 208, 255, 0.12)';
  context.fill(box);
  context.setLineDash([5 * unit, 4 * unit]);
  outlined(context, box, unit);
  context.setLineDash([]);
}

function outlined(context, path, unit) {
  for (const [colour, width] of [[INK.outline, 3], [INK.selected, 1.25]]) {
    context.strokeStyle = colour;
    context.lineWidth = width * unit;
    context.stroke(path);
  }
}
