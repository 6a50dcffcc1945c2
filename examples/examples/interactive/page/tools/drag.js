// Drags a point: it keeps its distance to the pointer.

export function drag(app, index, place) {
  const { view, image } = app.store.state;
  const point = view.toScreen(image.keypoints[index]);
  const [dx, dy] = [point.x - place.x, point.y - place.y];
  const { chosen, armed } = app.store.state;
  app.annotation.grab(index);
  const mine = () => app.store.state.moving?.index === index;
  return {
    cursor: 'grabbing',
    move: (to) => mine() && app.annotation.move(app.store.state.view.toImage({ x: to.x + dx, y: to.y + dy })),
    end: () => mine() && app.annotation.release(),
    cancel: () => {
      app.annotation.cancel();
      // A second finger makes it a pinch, which chooses nothing.
      app.store.set({ chosen, armed });
    },
  };
}
