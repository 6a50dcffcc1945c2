// What is to be seen of the state: the points as they are this moment, where they were, the angles.

import { placeOf } from './moving.js';

/** The points to show: those of a preview while there is one, and the moving point where it is. */
export function shownPoints({ image, moving }) {
  const points = moving?.preview?.keypoints ?? image.keypoints;
  if (!moving) return points;
  const goes = new Set([moving.index, ...moving.others]);
  const put = (k) => ({ ...placeOf(moving, image, k), hinted: true, visible: true });
  return points.map((point, k) => (goes.has(k) ? { ...point, ...put(k) } : point));
}

/** Where the points were before the last action or, while a point moves, before this one. */
export function shownGhosts({ image, moving, ghosts, shown }) {
  if (!shown.ghosts) return null;
  return moving ? image.keypoints : ghosts;
}

/** The curves of the chosen convention, or none. */
export function shownCurves({ image, moving, convention }) {
  const angles = moving?.preview?.angles ?? image?.angles;
  return angles?.[convention] ?? [];
}

/** Whether there are points to show: where no spine was found, there are none. */
export const hasPoints = ({ image }) => image !== null && !image.view.nothing_found;

/** What `drawPoints` draws. */
export function pointScene(state) {
  const { skeleton, image, chosen, hovered, selected, shown } = state;
  const suspects = new Set(image.suspects);
  return {
    points: shownPoints(state).map((point, index) => ({ ...point, suspect: suspects.has(index) })),
    ghosts: shownGhosts(state),
    edges: skeleton.edges,
    vertebrae: skeleton.vertebrae,
    vertebraOf: vertebraOf(skeleton),
    pointNames: skeleton.names,
    chosen,
    hovered,
    selected: new Set(selected),
    names: shown.names,
    small: shown.small,
  };
}

const known = new WeakMap();

/** The vertebra of each point; a point of none counts as one of its own. */
export function vertebraOf(skeleton) {
  if (!known.has(skeleton)) {
    const of = skeleton.names.map((_, index) => index);
    skeleton.vertebrae.forEach(({ corners }, vertebra) => corners.forEach((corner) => (of[corner] = vertebra)));
    known.set(skeleton, of);
  }
  return known.get(skeleton);
}

/** The point nearest to a place on the screen, no farther than `reach` from it; or null. */
export function pointAt(state, place, reach) {
  if (!hasPoints(state) || state.hidden) return null;
  let [nearest, least] = [null, reach];
  shownPoints(state).forEach((point, index) => {
    const { x, y } = state.view.toScreen(point);
    const distance = Math.hypot(x - place.x, y - place.y);
    if (distance <= least) [nearest, least] = [index, distance];
  });
  return nearest;
}
