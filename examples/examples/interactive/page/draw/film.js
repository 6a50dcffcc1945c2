// Draws the radiograph. Window, level, gamma and invert are one SVG filter over the canvas, so that changing them
// redraws nothing.

import { curve, isPlain } from '../tone.js';

/** From so many screen pixels an image pixel on, pixels are shown as the squares they are. */
const SQUARE_PIXELS = 6;

/** Draws the image where the view says. `ratio` is the number of device pixels in a CSS pixel. */
export function drawFilm(context, { bitmap, image }, view, ratio) {
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  if (!bitmap) return;
  onImage(context, view, ratio);
  context.imageSmoothingEnabled = view.scale * ratio < SQUARE_PIXELS;
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, 0, 0, image.width, image.height);
}

/** Makes the context draw in pixels of the film, whose corner is (0, 0), turned as the film is shown. */
export function onImage(context, view, ratio) {
  const scale = view.scale * ratio;
  const { xx, xy, yx, yy } = view.orientation;
  const origin = view.toScreen({ x: -0.5, y: -0.5 });
  context.setTransform(scale * xx, scale * yx, scale * xy, scale * yy, origin.x * ratio, origin.y * ratio);
}

/** Shows canvases with the given settings. */
export class ToneFilter {
  #functions = document.querySelectorAll('#tone-filter feComponentTransfer > *');
  #canvases;
  #table = null;

  constructor(canvases) {
    this.#canvases = canvases;
  }

  /** The settings, of a film that is a negative or not. */
  apply(settings, negative) {
    const tone = { ...settings, invert: settings.invert !== negative };
    const table = curve(tone);
    if (table === this.#table) return;
    this.#table = table;
    for (const channel of this.#functions) channel.setAttribute('tableValues', table);
    const filter = isPlain(tone) ? 'none' : 'url(#tone-filter)';
    for (const canvas of this.#canvases) canvas.style.filter = filter;
  }
}
