// The points that are moved and turned together, and the handle that turns them.

import { middleOf } from './moving.js';
import { shownPoints } from './scene.js';

const HANDLE = 26;
const REACH = 14;

/** The corners of the vertebra of a point; a point of none is alone. */
export function corners({ skeleton }, index) {
  return skeleton.vertebrae.find((vertebra) => vertebra.corners.includes(index))?.corners ?? [index];
}

/** The points that go with a point: the other selected ones, if it is selected. */
export function companions({ selected }, index) {
  return selected.includes(index) ? selected.filter((point) => point !== index) : [];
}

/** The points that are turned with a point: the selected ones, or its vertebra. */
export function turnedWith(state, index) {
  const others = companions(state, index);
  return others.length > 0 ? others : corners(state, index).filter((corner) => corner !== index);
}

/** The points with a point put in, or taken out. */
export function toggled(selected, index) {
  return selected.includes(index) ? selected.filter((point) => point !== index) : [...selected, index].sort((a, b) => a - b);
}

/** The middle of the selected points on the screen and the handle above it that turns them; null for fewer than two. */
export function turnHandle(state, unit) {
  const { selected, view, moving, hidden } = state;
  if (selected.length < 2 || hidden || (moving && !moving.center)) return null;
  const points = shownPoints(state);
  const places = selected.map((index) => view.toScreen(points[index]));
  const middle = middleOf(places);
  const far = Math.max(...places.map(({ x, y }) => Math.hypot(x - middle.x, y - middle.y)));
  const angle = ((view.orientation.mirrored ? -1 : 1) * (moving?.degrees ?? 0) * Math.PI) / 180;
  const [across, up] = [Math.sin(angle), Math.cos(angle)];
  const length = far + HANDLE * unit;
  // Inside the film where there is no room above.
  const room = middle.y - length * up > REACH * unit;
  const way = room ? length : -length;
  return { middle, place: { x: middle.x + way * across, y: middle.y - way * up } };
}

/** Whether the handle is at a place on the screen. */
export function isOnHandle(state, place, unit) {
  const handle = turnHandle(state, unit);
  return handle !== null && Math.hypot(handle.place.x - place.x, handle.place.y - place.y) <= REACH * unit;
}

/** The visible points in a rectangle on the screen from one corner to the opposite one. */
export function pointsIn(state, a, b) {
  const [left, right] = [Math.min(a.x, b.x), Math.max(a.x, b.x)];
  const [top, bottom] = [Math.min(a.y, b.y), Math.max(a.y, b.y)];
  return shownPoints(state).flatMap((point, index) => {
    const { x, y } = state.view.toScreen(point);
    return x >= left && x <= right && y >= top && y <= bottom ? [index] : [];
  });
}
