// Where the film lies on the screen: how it is turned, a scale and an offset, in CSS pixels.
//
// An image coordinate is a pixel's index, so the middle of the first pixel is (0, 0) and its corner (-0.5, -0.5).

import { Orientation } from './orientation.js';

const FIT_MARGIN = 0.02;
const LARGEST_SCALE = 40;

export class View {
  constructor(scale = 1, x = 0, y = 0, orientation = new Orientation()) {
    this.scale = scale;
    this.x = x;
    this.y = y;
    this.orientation = orientation;
  }

  /** The view that shows all of a film in a window of `window` size. */
  static fitting(orientation, window) {
    const room = 1 - 2 * FIT_MARGIN;
    const { width, height } = orientation.size;
    const scale = Math.min((room * window.width) / width, (room * window.height) / height);
    return new View(scale, (window.width - scale * width) / 2, (window.height - scale * height) / 2, orientation);
  }

  /** The same film at another scale, a point of it in the middle of a square of `side` CSS pixels. */
  around(point, scale, side) {
    const view = new View(scale, 0, 0, this.orientation);
    const { x, y } = view.toScreen(point);
    return view.panned(side / 2 - x, side / 2 - y);
  }

  /** Where a point of the image is on the screen. */
  toScreen(point) {
    const { x, y } = this.orientation.toShown({ x: point.x + 0.5, y: point.y + 0.5 });
    return { x: x * this.scale + this.x, y: y * this.scale + this.y };
  }

  /** What point of the image is under a place on the screen. */
  toImage(place) {
    const shown = { x: (place.x - this.x) / this.scale, y: (place.y - this.y) / this.scale };
    const { x, y } = this.orientation.toFilm(shown);
    return { x: x - 0.5, y: y - 0.5 };
  }

  /** Moves the image by so many CSS pixels. */
  panned(dx, dy) {
    return new View(this.scale, this.x + dx, this.y + dy, this.orientation);
  }

  /** Zooms by `factor`; what lies under `place` stays there. */
  zoomed(factor, place, smallest) {
    const scale = Math.min(LARGEST_SCALE, Math.max(smallest, this.scale * factor));
    const real = scale / this.scale;
    const [x, y] = [place.x - (place.x - this.x) * real, place.y - (place.y - this.y) * real];
    return new View(scale, x, y, this.orientation);
  }

  /** Brings a point of the image into the middle part of the window, by as little as needed. */
  revealing(point, window) {
    const place = this.toScreen(point);
    const into = (value, size) => {
      const margin = Math.min(64, size / 4);
      return Math.max(margin - value, 0) + Math.min(size - margin - value, 0);
    };
    const dx = into(place.x, window.width);
    const dy = into(place.y, window.height);
    return dx === 0 && dy === 0 ? this : this.panned(dx, dy);
  }

  /** Keeps a corner of the image in the window, so that it can't be lost. */
  kept(window) {
    const least = 48;
    const within = (offset, length, size) => Math.min(size - least, Math.max(least - length, offset));
    const { width, height } = this.orientation.size;
    return new View(
      this.scale,
      within(this.x, this.scale * width, window.width),
      within(this.y, this.scale * height, window.height),
      this.orientation,
    );
  }
}
