// Sliders for window, level and gamma.

import { byId } from '../element.js';
import { checked } from '../tone.js';

const GREYS = 255;
const SHOWN = {
  window: (value) => `${Math.round(GREYS * value)}`,
  level: (value) => `${Math.round(GREYS * value)}`,
  gamma: (value) => value.toFixed(2),
};

export function connect({ store }) {
  for (const part of Object.keys(SHOWN)) {
    const slider = byId(`tone-${part}`);
    slider.addEventListener('input', () => {
      store.set({ tone: checked({ ...store.state.tone, [part]: Number(slider.value) }) });
    });
  }
  const invert = byId('tone-invert');
  invert.addEventListener('change', () => store.set({ tone: { ...store.state.tone, invert: invert.checked } }));
  store.watch(['tone'], ({ tone }) => {
    invert.checked = tone.invert;
    for (const [part, text] of Object.entries(SHOWN)) {
      const slider = byId(`tone-${part}`);
      slider.value = tone[part];
      slider.nextElementSibling.value = text(tone[part]);
    }
  });
  store.watch(['matching'], ({ matching }) => {
    byId('match').hidden = matching === null;
    byId('match-note').textContent = matching ? `to ${matching.reference}` : '';
  });
}
