// Drags a point: it keeps its distance to the pointer. The other selected points go with it; with `whole`, its vertebra does, which
// a click without a drag selects.

import { companions, corners } from '../selection.js';

export function drag(app, index, place, whole = false) {
  const { state } = app.store;
  const { view, image, chosen, armed, selected } = state;
  const point = view.toScreen(image.keypoints[index]);
  const [dx, dy] = [point.x - place.x, point.y - place.y];
  const vertebra = corners(state, index);
  const others = whole ? vertebra.filter((corner) => corner !== index) : companions(state, index);
  // A point that is not selected is moved alone.
  if (!whole && !selected.includes(index)) app.annotation.select([]);
  app.annotation.grab(index, false, others);
  const mine = () => app.store.state.moving?.index === index;
  return {
    cursor: 'grabbing',
    move: (to) => mine() && app.annotation.move(app.store.state.view.toImage({ x: to.x + dx, y: to.y + dy })),
    end: () => {
      if (!mine()) return;
      const { moving } = app.store.state;
      const clicked = moving.x === moving.start.x && moving.y === moving.start.y;
      app.annotation.release();
      if (whole && clicked) app.annotation.select([...vertebra]);
    },
    cancel: () => {
      app.annotation.cancel();
      // A second finger makes it a pinch, which chooses nothing.
      app.store.set({ chosen, armed, selected });
    },
  };
}
