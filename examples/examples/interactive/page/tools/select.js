// Selects points: a press on one puts it in or takes it out, a drag beside them takes those in a rectangle.

import { toggled, pointsIn } from '../selection.js';
import { drag } from './drag.js';

const CLICK_REACH = 4;

/** A press on a point with Ctrl or while selecting: it is selected, and a drag moves all that are. */
export function pick(app, index, place) {
  const before = app.store.state.selected;
  const was = before.includes(index);
  if (!was) app.annotation.select(toggled(before, index));
  const dragging = drag(app, index, place);
  let far = false;
  return {
    ...dragging,
    move: (to) => {
      far ||= Math.hypot(to.x - place.x, to.y - place.y) > CLICK_REACH;
      if (far) dragging.move(to);
    },
    end: () => {
      if (far) return dragging.end();
      app.annotation.cancel();
      if (was) app.annotation.select(toggled(before, index));
    },
    cancel: () => {
      dragging.cancel();
      app.store.set({ selected: before });
    },
  };
}

/** A drag beside all points: those in the rectangle are selected, with those that were if they are to be kept. */
export function marquee(app, from, keep) {
  const before = app.store.state.selected;
  return {
    cursor: 'crosshair',
    move: (to) => {
      const inside = pointsIn(app.store.state, from, to);
      app.annotation.select([...new Set([...(keep ? before : []), ...inside])].sort((a, b) => a - b));
      app.store.set({ marquee: { from, to } });
    },
    end: () => {
      if (!app.store.state.marquee && !keep) app.annotation.select([]);
      app.store.set({ marquee: null });
      const { selected } = app.store.state;
      // What keys move is one of them.
      if (selected.length > 0 && !selected.includes(app.store.state.chosen)) app.store.set({ chosen: selected[0] });
    },
    cancel: () => app.store.set({ marquee: null, selected: before }),
  };
}
