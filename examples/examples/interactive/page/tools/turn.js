// Turns the selected points about their middle.

import { degreesBetween, middleOf } from '../moving.js';

export function turn(app, from) {
  const { selected, image, chosen, armed } = app.store.state;
  const center = middleOf(selected.map((index) => image.keypoints[index]));
  const way = (place) => {
    const { x, y } = app.store.state.view.toImage(place);
    return { x: x - center.x, y: y - center.y };
  };
  const start = way(from);
  app.annotation.grab(selected[0], false, selected.slice(1), center);
  const mine = () => app.store.state.moving?.center === center;
  return {
    cursor: 'grabbing',
    move: (to) => mine() && app.annotation.rotate(degreesBetween(image, start, way(to))),
    end: () => mine() && app.annotation.release(),
    cancel: () => {
      app.annotation.cancel();
      app.store.set({ chosen, armed });
    },
  };
}
