// Draws the labels that the points are compared with: a cross each, and how far the point is from it.

import { INK } from '../palette.js';

const ARM = 4;

export function drawLabels(context, labels, points, view, unit) {
  const path = new Path2D();
  labels.forEach((label, index) => {
    if (points[index].visible === false) return;
    const { x, y } = view.toScreen(label);
    const point = view.toScreen(points[index]);
    path.moveTo(x, y);
    path.lineTo(point.x, point.y);
    path.moveTo(x - ARM * unit, y);
    path.lineTo(x + ARM * unit, y);
    path.moveTo(x, y - ARM * unit);
    path.lineTo(x, y + ARM * unit);
  });
  context.strokeStyle = INK.outline;
  context.lineWidth = 3.5 * unit;
  context.stroke(path);
  context.strokeStyle = INK.label;
  context.lineWidth = 1.5 * unit;
  context.stroke(path);
}
