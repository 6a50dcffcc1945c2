// The Cobb angles and their convention.

import { cobbColour } from '../draw/cobb.js';
import { byId, element } from '../element.js';
import { shownCurves } from '../scene.js';

const ABOUT = {
  clinical: 'Measured between end plates, as in clinical practice: the major curve and the compensatory curves.',
  challenge: 'As the AASCE 2019 challenge computes them: from the midline of each vertebra, largest angle first.',
};

export function connect({ store }) {
  const buttons = [...document.querySelectorAll('[data-convention]')];
  for (const button of buttons) {
    const { convention } = button.dataset;
    button.title = `${ABOUT[convention]} (Shift C)`;
    button.addEventListener('click', () => store.set({ convention }));
  }
  store.watch(['convention'], ({ convention }) => {
    for (const button of buttons) button.setAttribute('aria-pressed', String(button.dataset.convention === convention));
  });
  store.watchAtEase(['image', 'moving', 'convention', 'skeleton'], (state) => {
    const curves = state.image ? shownCurves(state) : [];
    byId('cobb-list').replaceChildren(...(curves.length > 0 ? curves.map((curve, index) => item(curve, index, state)) : none(state)));
  });
}

function none({ image }) {
  if (!image) return [];
  const { doubt } = image.view;
  const why = doubt ? `No angles. ${doubt[0].toUpperCase()}${doubt.slice(1)}.` : 'No angles: the points do not form a spine.';
  return [element('li', { class: doubt ? 'doubt' : 'quiet' }, why)];
}

function item(curve, index, { skeleton }) {
  const [upper, lower] = [curve.upper, curve.lower].map((vertebra) => skeleton.vertebrae[vertebra].name);
  const about = curve.apex === undefined
    ? []
    : [`apex ${skeleton.vertebrae[curve.apex].name}`, `convex ${curve.convex}`, curve.severity === 'none' ? 'no scoliosis' : curve.severity];
  const swatch = element('i', { class: 'swatch' });
  swatch.style.background = cobbColour(index);
  return element('li', { class: curve.major ? 'major' : null },
    swatch,
    element('strong', { class: 'degrees' }, `${curve.degrees.toFixed(1)}°`),
    element('div', { class: 'about' },
      element('span', { class: 'curve' }, `${curve.name ?? 'curve'} `, element('span', { class: 'ends' }, `${upper}–${lower}`)),
      ...(about.length > 0 ? [element('span', { class: 'quiet' }, about.join(' · '))] : [])));
}
