// Brightness presets: they follow the film, until window, level or gamma is changed by hand.

import { PLAIN, preset } from './tone.js';

const GREYS = 256;
/** The side of the picture that greys are counted on. */
const SIDE = 512;

/** Applies the preset to each film that is opened. */
export function connect({ store }) {
  store.watch(['bitmap', 'preset', 'image'], ({ bitmap, image, preset: name }) => {
    if (bitmap && image && name !== 'own') apply(store, name);
  });
  store.watch(['tone'], ({ tone, presetTone, preset: name }) => {
    if (name !== 'own' && presetTone !== null && !same(tone, presetTone)) store.set({ preset: 'own', presetTone: null });
  });
}

function apply(store, name) {
  const { bitmap, image, tone } = store.state;
  const presetTone = { ...(name === 'file' ? PLAIN : preset(name, countsOf(bitmap, name === 'bone' ? boxes(store.state) : null), image.view.negative)), invert: tone.invert };
  if (same(presetTone, tone)) store.set({ presetTone });
  else store.set({ presetTone, tone: presetTone });
}

/** Invert is a matter of its own. */
const same = (a, b) => ['window', 'level', 'gamma'].every((part) => a[part] === b[part]);

/** Where the vertebrae are; null where none were found. */
function boxes({ image, skeleton }) {
  if (image.view.nothing_found || !skeleton?.vertebrae.length) return null;
  return skeleton.vertebrae.map(({ corners }) => {
    const [xs, ys] = ['x', 'y'].map((side) => corners.map((corner) => image.keypoints[corner][side]));
    return { left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) };
  });
}

const counted = { whole: new WeakMap(), parts: new WeakMap() };

/** How many pixels of a film, or of parts of it, have each grey. Counted once: a preset does not change with each correction. */
function countsOf(bitmap, parts) {
  const known = parts ? counted.parts : counted.whole;
  if (!known.has(bitmap)) {
    const scale = Math.min(1, SIDE / Math.max(bitmap.width, bitmap.height));
    const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale)));
    const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
    context.drawImage(bitmap, 0, 0, width, height);
    const counts = new Array(GREYS).fill(0);
    for (const { left, top, right, bottom } of parts ?? [{ left: 0, top: 0, right: bitmap.width, bottom: bitmap.height }]) {
      const [x, y] = [left, top].map((side) => Math.max(0, Math.floor(side * scale)));
      const [across, down] = [(right - left) * scale, (bottom - top) * scale].map((side) => Math.max(1, Math.round(side)));
      const { data } = context.getImageData(x, y, across, down);
      // Beyond the film there is nothing.
      for (let at = 0; at < data.length; at += 4) if (data[at + 3] > 0) counts[data[at]] += 1;
    }
    known.set(bitmap, counts);
  }
  return known.get(bitmap);
}
