// What was measured, each with a button that removes it.

import { byId, element, icon } from '../element.js';
import { asSent, inWords } from '../measures.js';

export function connect({ store, annotation }) {
  const list = byId('measure-list');
  // A measurement belongs to its film, and ends with its tool.
  store.watch(['tool', 'image'], ({ tool, image, measuring }) => {
    if (measuring && (measuring.kind !== tool || measuring.film !== image?.id)) store.set({ measuring: null });
  });
  store.watchAtEase(['image'], ({ image }) => {
    const measures = image?.measures ?? [];
    list.hidden = measures.length === 0;
    list.replaceChildren(...measures.map((measured, index) => element('li', {},
      element('span', { class: 'figures' }, `${measured.degrees === null ? 'distance' : 'angle'} ${inWords(measured)}`),
      element('button', {
        class: 'icon', title: 'Remove this measurement', 'aria-label': `Remove the measurement ${inWords(measured)}`,
        onclick: () => annotation.measure(measures.filter((_, other) => other !== index).map(asSent)),
      }, icon('remove')))));
  });
}
