// The corrections in the order in which they were made.

import { byId, element, icon } from '../element.js';
import { inBoth } from '../length.js';

export function connect({ store, annotation, stage }) {
  const list = byId('hint-list');
  store.watchAtEase(['image', 'chosen'], ({ image, chosen }) => {
    const hints = image?.hints ?? [];
    byId('hint-count').textContent = hints.length;
    byId('no-hints').hidden = hints.length > 0;
    list.replaceChildren(...hints.map((hint, order) => {
      const choose = () => {
        annotation.choose(hint.keypoint);
        stage.reveal(hint.keypoint);
      };
      const way = hint.moved === null ? '' : `moved ${inBoth(hint.moved, hint.moved_mm)}`;
      return element('li', { 'aria-current': hint.keypoint === chosen ? 'true' : null },
        element('button', { class: 'line', onclick: choose },
          element('span', { class: 'order' }, `${order + 1}`), element('strong', {}, hint.name), element('span', { class: 'quiet figures' }, way)),
        element('button', { class: 'icon', 'aria-label': `Remove the correction of ${hint.name}`, title: 'Remove this correction',
          onclick: () => annotation.remove(hint.keypoint) }, icon('remove')));
    }));
  });
}
