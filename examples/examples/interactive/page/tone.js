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

/** What a preset shows from black to white: parts of the grey values of the vertebrae, or of the whole film. */
const PRESETS = {
  bone: { from: 0.02, to: 0.995, gamma: 1 },
  soft: { from: 0.02, to: 0.8, gamma: 1.25 },
};

/** The settings of a preset, `bone` or `soft`, for these numbers of pixels of each grey. A negative is shown inverted. */
export function preset(name, counts, negative) {
  const { from, to, gamma } = PRESETS[name];
  const [low, high] = negative ? [1 - to, 1 - from] : [from, to];
  const [black, white] = [percentile(counts, low), percentile(counts, high)];
  const window = Math.max((white - black) / (counts.length - 1), 0.02);
  return checked({ window, level: (black + white) / 2 / (counts.length - 1), gamma: negative ? 1 / gamma : gamma, invert: false });
}

/** The grey below which a part of the pixels are. Black and white, the edges and letters of many films, do not count. */
function percentile(counts, part) {
  const last = counts.length - 1;
  const inner = counts.map((count, grey) => (grey === 0 || grey === last ? 0 : count));
  const all = inner.reduce((sum, count) => sum + count, 0);
  let below = 0;
  for (const [grey, count] of inner.entries()) {
    below += count;
    if (below > 0 && below >= part * all) return grey;
  }
  return last;
}
