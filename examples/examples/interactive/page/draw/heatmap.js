// Draws where the network looks for a point: the heatmap lies in the frame.

import { onImage } from './film.js';

export function drawHeatmap(context, { heatmap, image }, view, ratio) {
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  if (!heatmap || !image) return;
  onImage(context, view, ratio);
  context.imageSmoothingQuality = 'high';
  const { center, width, height, degrees, mirrored } = image.view.frame;
  context.translate(...center);
  context.rotate((degrees * Math.PI) / 180);
  context.scale(mirrored ? -1 : 1, 1);
  context.drawImage(heatmap, -width / 2, -height / 2, width, height);
}
