// The Cobb angles, their convention, and the end vertebrae that a person chooses.

import { cobbColour } from '../draw/cobb.js';
import { byId, element } from '../element.js';
import { shownKey } from '../keymap.js';
import { shownCurves } from '../scene.js';

const ABOUT = {
  clinical: 'Between end plates. Choose end vertebrae to fix a curve; ✓ marks fixed ones.',
  challenge: 'As the AASCE 2019 challenge computes them: midlines of vertebrae, largest first.',
};

export function connect({ store, annotation, keymap }) {
  const key = () => shownKey(keymap.keysOf({ id: 'convention', keys: ['Shift+C'] })[0]).join(' ');
  const buttons = [...document.querySelectorAll('[data-convention]')];
  for (const button of buttons) {
    const { convention } = button.dataset;
    keymap.watch(() => (button.title = `${ABOUT[convention]} (${key()})`));
    button.addEventListener('click', () => store.set({ convention }));
  }
  store.watch(['convention'], ({ convention }) => {
    for (const button of buttons) button.setAttribute('aria-pressed', String(button.dataset.convention === convention));
    byId('cobb-about').textContent = ABOUT[convention];
  });
  const list = byId('cobb-list');
  store.watchAtEase(['image', 'moving', 'convention', 'skeleton'], (state) => {
    const curves = state.image ? shownCurves(state) : [];
    const held = document.activeElement?.dataset?.end;
    const items = curves.length > 0 ? curves.map((curve, index) => item(curve, index, state, annotation)) : none(state);
    list.replaceChildren(...items);
    // The control that was changed is a new one, and keeps the focus.
    if (held) list.querySelector(`[data-end="${held}"]`)?.focus();
  });
}

function none({ image }) {
  if (!image) return [];
  const { doubt } = image.view;
  const why = doubt ? `No angles. ${doubt[0].toUpperCase()}${doubt.slice(1)}.` : 'No angles: the points do not form a spine.';
  return [element('li', { class: doubt ? 'doubt' : 'quiet' }, why)];
}

function item(curve, index, state, annotation) {
  const { skeleton, image, moving } = state;
  const clinical = curve.apex !== undefined;
  const swatch = element('i', { class: 'swatch' });
  swatch.style.background = cobbColour(index);
  const title = curve.doubtful ? 'Doubtful: a corner that it is measured from is unsure or off the film' : '';
  const names = skeleton.vertebrae.map(({ name }) => name);
  const ends = clinical && !moving
    ? choice(curve, index, image, names, annotation)
    : element('span', { class: 'ends' }, `${names[curve.upper]}–${names[curve.lower]}`);
  const about = clinical ? aboutCurve(curve, names, image) : [];
  if (curve.doubtful) about.unshift('doubtful');
  return element('li', { class: [curve.major && 'major', curve.doubtful && 'doubtful'].filter(Boolean).join(' ') || null },
    swatch,
    element('strong', { class: 'degrees', title }, `${curve.doubtful ? '?\u2009' : ''}${curve.degrees.toFixed(1)}°`),
    element('div', { class: 'about' },
      element('span', { class: 'curve' }, `${curve.name} `, ends),
      ...(about.length > 0 ? [element('span', { class: 'quiet' }, about.join(' · '))] : [])));
}

function aboutCurve({ apex, convex, convex_patient, severity }, names, { mirrored_since }) {
  const check = mirrored_since ? ' (mirrored since: see Film)' : '';
  const side = convex_patient ? `convex to patient’s ${convex_patient}${check}` : `convex to image ${convex}`;
  return [`apex ${names[apex]}`, side, severity === 'none' ? 'no scoliosis' : severity];
}

/** Two lists of vertebrae, and a button that fixes the curve between them or lets it go. */
function choice(curve, index, image, names, annotation) {
  const own = [curve.upper, curve.lower];
  const others = image.ends.filter(([upper, lower]) => upper !== own[0] || lower !== own[1]);
  const fix = (upper, lower) => annotation.fixEnds([...others, [upper, lower]]);
  const list = (end, value, allowed, change) => {
    const options = names.map((name, vertebra) => ({ name, vertebra })).filter(({ vertebra }) => allowed(vertebra));
    const select = element('select', { class: 'end', 'data-end': `${index}-${end}`, 'aria-label': `${end} end vertebra of curve ${index + 1}`, onchange: () => change(Number(select.value)) },
      ...options.map(({ name, vertebra }) => element('option', { value: vertebra, selected: vertebra === value }, name)));
    return select;
  };
  const pin = element('button', {
    class: 'pin', 'data-end': `${index}-pin`, 'aria-pressed': String(curve.fixed),
    'aria-label': `Fix the end vertebrae of curve ${index + 1}`, title: curve.fixed ? 'Fixed: click to let the program choose again' : 'Fix these end vertebrae',
    onclick: () => (curve.fixed ? annotation.fixEnds(others) : fix(...own)),
  }, '✓');
  return element('span', { class: 'ends' },
    list('upper', own[0], (vertebra) => vertebra < own[1], (upper) => fix(upper, own[1])), '–',
    list('lower', own[1], (vertebra) => vertebra > own[0], (lower) => fix(own[0], lower)), pin);
}
