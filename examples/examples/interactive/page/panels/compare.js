// How far the points are from the labels, if there are any.

import { byId, element } from '../element.js';
import { inBoth } from '../length.js';

export function connect({ store, annotation, stage }) {
  const show = byId('show-labels');
  show.addEventListener('change', () => {
    store.set({ shown: { ...store.state.shown, labels: show.checked } });
  });
  store.watch(['shown'], ({ shown }) => (show.checked = shown.labels));
  store.watchAtEase(['image', 'skeleton'], ({ image, skeleton }) => {
    const comparison = image?.comparison ?? null;
    byId('tab-compare').hidden = comparison === null;
    if (!comparison || !skeleton) return;
    const { errors, mre, mre_mm, first_mre } = comparison;
    byId('compare-mre').textContent = `MRE ${inBoth(mre, mre_mm)}`;
    byId('compare-first').textContent = `first ${first_mre.toFixed(1)}`;
    const order = errors.map((_, index) => index).filter((index) => errors[index] !== null).sort((a, b) => errors[b] - errors[a]);
    const largest = Math.max(errors[order[0]] ?? 0, 1);
    byId('compare-list').replaceChildren(...order.map((index) => line(skeleton.names[index], errors[index], largest, () => {
      annotation.choose(index);
      stage.reveal(index);
    })));
  });
}

function line(name, error, largest, choose) {
  const bar = element('i', { class: 'bar-of-error' });
  bar.style.width = `${(100 * error) / largest}%`;
  return element('li', {}, element('button', { class: 'line', onclick: choose },
    element('strong', {}, name), element('span', { class: 'track' }, bar), element('span', { class: 'figures' }, `${error.toFixed(1)} px`)));
}
