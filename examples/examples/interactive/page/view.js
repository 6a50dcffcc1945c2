// Where the image lies on the screen: a scale and an offset, in CSS pixels.
//
// An image coordinate is a pixel's index, so the middle of the first pixel is (0, 0) and its corner (-0.5, -0.5).

const FIT_MARGIN = 0.02;
const LARGEST_SCALE = 40;

export class View {
  constructor(scale = 1, x = 0, y = 0) {
    this.scale = scale;
    this.x = x;
    this.y = y;
  }

  /** The view that shows all of an image of `image` size in a window of `window` size. */
  static fitting(image, window) {
    const room = 1 - 2 * FIT_MARGIN;
    const scale = Math.min((room * window.width) / image.width, (room * window.height) / image.height);
    return new View(scale, (window.width - scale * image.width) / 2, (window.height - scale * image.height) / 2);
  }

  /** Where a point of the image is on the screen. */
  toScreen(point) {
    return { x: (point.x + 0.5) * this.scale + this.x, y: (point.y + 0.5) * this.scale + this.y };
  }

  /** What point of the image is under a place on the screen. */
  toImage(place) {
    return { x: (place.x - this.x) / this.scale - 0.5, y: (place.y - this.y) / this.scale - 0.5 };
  }

  /** Moves the image by so many CSS pixels. */
  panned(dx, dy) {
    return new View(this.scale, this.x + dx, this.y + dy);
  }

  /** Zooms by `factor`; what lies under `place` stays there. */
  zoomed(factor, place, smallest) {
    const scale = Math.min(LARGEST_SCALE, Math.max(smallest, this.scale * factor));
    const real = scale / this.scale;
    return new View(scale, place.x - (place.x - this.x) * real, place.y - (place.y - this.y) * real);
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
  kept(image, window) {
    const least = 48;
    const within = (offset, length, size) => Math.min(size - least, Math.max(least - length, offset));
    return new View(
      this.scale,
      within(this.x, this.scale * image.width, window.width),
      within(this.y, this.scale * image.height, window.height),
    );
  }
}
