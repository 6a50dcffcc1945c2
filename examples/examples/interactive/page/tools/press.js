// A press beside all points: a click on the film puts the point there that was chosen last, or selects nothing any more; a drag
// moves the film.

import { isOnFilm } from '../distance.js';
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
      const { chosen, armed, selected, view, image } = app.store.state;
      const place = view.toImage(from);
      if (panning) return;
      if (armed && chosen !== null && isOnFilm(place, image)) app.annotation.place(chosen, place);
      else if (selected.length > 0) app.annotation.select([]);
    },
    cancel: () => {},
  };
}
