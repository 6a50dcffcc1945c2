// Window by dragging across, level by dragging up and down: down is darker, as radiologists have it.

import { checked } from '../tone.js';

const FULL_WAY = 600;

export function windowLevel(app, from) {
  const before = app.store.state.tone;
  return {
    cursor: 'move',
    move: (to) => {
      const window = before.window + (to.x - from.x) / FULL_WAY;
      const level = before.level + (to.y - from.y) / FULL_WAY;
      app.store.set({ tone: checked({ ...before, window, level }) });
    },
    end: () => {},
    cancel: () => app.store.set({ tone: before }),
  };
}
