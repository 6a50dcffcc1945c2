// Drags a point: it keeps its distance to the pointer. With `whole`, the other corners of its vertebra go with it.

export function drag(app, index, place, whole = false) {
  const { view, image } = app.store.state;
  const point = view.toScreen(image.keypoints[index]);
  const [dx, dy] = [point.x - place.x, point.y - place.y];
  const { chosen, armed } = app.store.state;
  const vertebra = whole ? app.store.state.skeleton.vertebrae.find(({ corners }) => corners.includes(index)) : null;
  app.annotation.grab(index, false, vertebra?.corners.filter((corner) => corner !== index) ?? []);
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
