// Draws the frame: what the network does not see is darker, and the handles take hold of it.

import { HANDLES, screenPlace, turnHandle } from '../framing.js';
import { INK } from '../palette.js';

const SIDE = 8;

/** Darkens what is outside the frame and draws its border. */
export function drawFrame(context, frame, view, { width, height }, unit) {
  const border = new Path2D();
  for (const corner of [[-1, -1], [1, -1], [1, 1], [-1, 1]]) {
    const { x, y } = screenPlace(frame, view, corner);
    border.lineTo(x, y);
  }
  border.closePath();
  const outside = new Path2D(border);
  outside.rect(0, 0, width, height);
  context.fillStyle = INK.unseen;
  context.fill(outside, 'evenodd');
  stroke(context, border, unit);
}

/** Draws the handles of the frame. */
export function drawHandles(context, frame, view, unit) {
  const { top, place } = turnHandle(frame, view, unit);
  const line = new Path2D();
  line.moveTo(top.x, top.y);
  line.lineTo(place.x, place.y);
  stroke(context, line, unit);
  const knob = new Path2D();
  knob.arc(place.x, place.y, (SIDE * unit) / 1.6, 0, 2 * Math.PI);
  fill(context, knob, unit);
  for (const handle of HANDLES) {
    const { x, y } = screenPlace(frame, view, handle);
    const square = new Path2D();
    square.rect(x - (SIDE * unit) / 2, y - (SIDE * unit) / 2, SIDE * unit, SIDE * unit);
    fill(context, square, unit);
  }
}

function stroke(context, path, unit) {
  for (const [colour, width] of [[INK.outline, 3], [INK.frame, 1.25]]) {
    context.strokeStyle = colour;
    context.lineWidth = width * unit;
    context.stroke(path);
  }
}

function fill(context, path, unit) {
  context.fillStyle = INK.frame;
  context.fill(path);
  context.strokeStyle = INK.outline;
  context.lineWidth = 1.25 * unit;
  context.stroke(path);
}
