// Fetches the heatmap of the chosen point while it is wanted.

import * as api from './api.js';

export function connect({ store, report }) {
  let wanted = '';
  store.watch(['image', 'chosen', 'shown'], async ({ image, chosen, shown }) => {
    const key = image && chosen !== null && shown.heatmap ? `${image.id} ${chosen} ${image.revision}` : '';
    if (key === wanted) return;
    wanted = key;
    if (!key) return store.set({ heatmap: null });
    try {
      const heatmap = await api.heatmap(image.id, chosen, image.revision);
      if (key === wanted) store.set({ heatmap });
    } catch (error) {
      if (key === wanted) report(error);
    }
  });
}
