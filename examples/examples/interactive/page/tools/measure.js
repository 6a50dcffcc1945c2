// Measures by dragging: one line is a distance, two are an angle.

import { isOnFilm } from '../distance.js';
import { asSent, sent } from '../measures.js';

const CLICK_REACH = 3;

export function measure(app, from) {
  const { image, view, tool: kind, measuring: before } = app.store.state;
  const start = view.toImage(from);
  const earlier = kind === 'angle' && before?.film === image.id ? before.lines : [];
  let line = null;
  return {
    cursor: 'crosshair',
    move: (to) => {
      if (line === null && Math.hypot(to.x - from.x, to.y - from.y) < CLICK_REACH) return;
      const end = app.store.state.view.toImage(to);
      if (!isOnFilm(start, image) || !isOnFilm(end, image)) return;
      line = [start, end];
      app.store.set({ measuring: { kind, film: image.id, lines: [...earlier, line] } });
    },
    end: () => {
      if (line === null || (kind === 'angle' && earlier.length === 0)) return;
      const lines = [...earlier, line].map((line) => line.map(({ x, y }) => [x, y]));
      app.annotation.measure([...app.store.state.image.measures.map(asSent), sent(kind, lines)]);
    },
    cancel: () => app.store.set({ measuring: before }),
  };
}
