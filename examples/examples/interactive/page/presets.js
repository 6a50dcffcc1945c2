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
  const presetTone = { ...(name === 'file' ? PLAIN : preset(name, countsOf(bitmap), image.view.negative)), invert: tone.invert };
  if (same(presetTone, tone)) store.set({ presetTone });
  else store.set({ presetTone, tone: presetTone });
}

/** Invert is a matter of its own. */
const same = (a, b) => ['window', 'level', 'gamma'].every((part) => a[part] === b[part]);

const counted = new WeakMap();

/** How many pixels of a film have each grey. */
function countsOf(bitmap) {
  if (!counted.has(bitmap)) {
    const scale = Math.min(1, SIDE / Math.max(bitmap.width, bitmap.height));
    const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale)));
    const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
    context.drawImage(bitmap, 0, 0, width, height);
    const { data } = context.getImageData(0, 0, width, height);
    const counts = new Array(GREYS).fill(0);
    for (let at = 0; at < data.length; at += 4) counts[data[at]] += 1;
    counted.set(bitmap, counts);
  }
  return counted.get(bitmap);
}
