// Changes the frame: a handle resizes or turns it, its border moves it, and a drag beside them draws a new one.

import { corner, cursorOf, drawn, moved, partAt, shownFrame, sized, turned } from '../framing.js';

const CLICK_REACH = 3;

export function frame(app, from) {
  const { image, view } = app.store.state;
  const before = shownFrame(app.store.state);
  // The frame of a film on which nothing was found means nothing: there every drag draws a new one.
  const part = image.view.nothing_found ? null : partAt(before, view, from, app.stage.unit);
  const start = corner(view, from);
  const changed = (place) => {
    if (part === null) return drawn(start, place, view.orientation);
    if (part.kind === 'turn') return turned(before, place);
    if (part.kind === 'size') return sized(before, part.handle, place, image);
    return moved(before, place.x - start.x, place.y - start.y, image);
  };
  let latest = null;
  return {
    cursor: part?.kind === 'turn' ? 'grabbing' : cursorOf(part, before, view),
    move: (to) => {
      if (latest === null && Math.hypot(to.x - from.x, to.y - from.y) < CLICK_REACH) return;
      latest = changed(corner(app.store.state.view, to));
      app.store.set({ framing: latest });
    },
    end: () => latest && app.annotation.frame(latest),
    cancel: () => app.store.set({ framing: null }),
  };
}
