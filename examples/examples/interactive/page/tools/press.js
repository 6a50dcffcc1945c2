// A press beside all points: a click puts the chosen point there, a drag moves the film.

import { pan } from './pan.js';

const CLICK_REACH = 4;

export function press(app, from) {
  let panning = null;
  return {
    cursor: null,
    move: (to) => {
      if (!panning && Math.hypot(to.x - from.x, to.y - from.y) > CLICK_REACH) panning = pan(app, from);
      panning?.move(to);
    },
    end: () => {
      const { chosen, view } = app.store.state;
      if (!panning && chosen !== null) app.annotation.place(chosen, view.toImage(from));
    },
    cancel: () => {},
  };
}
