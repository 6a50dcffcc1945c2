// Lengths on the film.

/** A length in pixels, and in millimetres where they are known. */
export function inBoth(pixels, millimetres) {
  return `${pixels.toFixed(1)} px${millimetres === null ? '' : `, ${millimetres.toFixed(1)} mm`}`;
}
