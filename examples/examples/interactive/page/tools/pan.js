// Moves the film under the pointer.

export function pan(app, from) {
  let last = from;
  return {
    cursor: 'grabbing',
    move: (to) => {
      app.stage.pan(to.x - last.x, to.y - last.y);
      last = to;
    },
    end: () => {},
    cancel: () => {},
  };
}
