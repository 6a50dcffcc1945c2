// How the film lies on the screen: turned by quarter turns and mirrored, as the network sees it.
//
// Places are measured from the corner of the film, so that the middle of its first pixel is (0.5, 0.5).

const COS = [1, 0, -1, 0];
const SIN = [0, 1, 0, -1];

export class Orientation {
  /** Of a film of a size that is shown turned back by `turns` quarter turns, and then mirrored or not. */
  constructor({ width, height } = { width: 1, height: 1 }, turns = 0, mirrored = false) {
    this.film = { width, height };
    this.turns = turns;
    this.mirrored = mirrored;
    /** The size of what is shown. */
    this.size = turns % 2 === 0 ? { width, height } : { width: height, height: width };
    const sign = mirrored ? -1 : 1;
    [this.xx, this.xy, this.yx, this.yy] = [sign * COS[turns], sign * SIN[turns], -SIN[turns], COS[turns]];
  }

  /** As the server says that an image is to be shown. */
  static of({ width, height, view }) {
    return new Orientation({ width, height }, view.turns, view.frame.mirrored);
  }

  same({ film, turns, mirrored }) {
    const sized = film.width === this.film.width && film.height === this.film.height;
    return sized && turns === this.turns && mirrored === this.mirrored;
  }

  /** A direction on the film as it is shown. */
  shownWay({ x, y }) {
    return { x: this.xx * x + this.xy * y, y: this.yx * x + this.yy * y };
  }

  /** A direction of what is shown on the film. */
  filmWay({ x, y }) {
    return { x: this.xx * x + this.yx * y, y: this.xy * x + this.yy * y };
  }

  /** A place of the film as it is shown. */
  toShown({ x, y }) {
    const way = this.shownWay({ x: x - this.film.width / 2, y: y - this.film.height / 2 });
    return { x: way.x + this.size.width / 2, y: way.y + this.size.height / 2 };
  }

  /** The place of the film that is shown at a place. */
  toFilm({ x, y }) {
    const way = this.filmWay({ x: x - this.size.width / 2, y: y - this.size.height / 2 });
    return { x: way.x + this.film.width / 2, y: way.y + this.film.height / 2 };
  }
}
