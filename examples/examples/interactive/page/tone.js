// Window, level, gamma and invert: how a grey value of the radiograph becomes one of the screen.

/** The image as it is. Window and level are parts of the range from black to white. */
export const PLAIN = Object.freeze({ window: 1, level: 0.5, gamma: 1, invert: false });

const STEPS = 256;

/** The same settings within their ranges. */
export function checked({ window, level, gamma, invert }) {
  const within = (value, least, most) => Math.min(most, Math.max(least, value));
  return { window: within(window, 0.02, 2), level: within(level, 0, 1), gamma: within(gamma, 0.2, 5), invert };
}

export const isPlain = (tone) => Object.keys(PLAIN).every((key) => tone[key] === PLAIN[key]);

/** The curve from grey to grey at evenly spaced greys, as an SVG filter takes it. */
export function curve({ window, level, gamma, invert }) {
  const greys = Array.from({ length: STEPS }, (_, step) => {
    const windowed = (step / (STEPS - 1) - level) / window + 0.5;
    const grey = Math.min(1, Math.max(0, windowed)) ** (1 / gamma);
    return (invert ? 1 - grey : grey).toFixed(4);
  });
  return greys.join(' ');
}
