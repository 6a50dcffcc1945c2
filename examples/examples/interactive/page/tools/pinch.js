// Two fingers: zooms and moves the film.

export function pinch(app, first, second) {
  let [a, b] = [first, second];
  const middle = () => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
  const spread = () => Math.hypot(a.x - b.x, a.y - b.y) || 1;
  return {
    cursor: null,
    move: (to, finger) => {
      const [before, was] = [middle(), spread()];
      if (finger === 0) a = to;
      else b = to;
      const now = middle();
      app.stage.pan(now.x - before.x, now.y - before.y);
      app.stage.zoom(spread() / was, now);
    },
    end: () => {},
    cancel: () => {},
  };
}
