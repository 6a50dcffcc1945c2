// Draws where the network looks for a point.

import { onImage } from './film.js';

export function drawHeatmap(context, { heatmap, image }, view, ratio) {
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  if (!heatmap || !image) return;
  onImage(context, view, ratio);
  context.imageSmoothingQuality = 'high';
  context.drawImage(heatmap, 0, 0, image.width, image.height);
}
