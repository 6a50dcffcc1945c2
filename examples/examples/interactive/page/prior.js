// An earlier film beside this one: the same level at the same height, and at the same scale where that is known.

import * as api from './api.js';
import { Orientation } from './orientation.js';
import { middleOf } from './moving.js';
import { hasPoints, shownPoints } from './scene.js';
import { View } from './view.js';

/** How wide a pixel of the film is on the screen at the same scale as another film is shown at; null where that is not known. */
function sameScale(image, other, scale) {
  if (!image.spacing?.millimetres || !other.spacing?.millimetres) return null;
  return (scale * image.spacing.pixel[1]) / other.spacing.pixel[1];
}

/** Whether both films are shown at the same scale. */
export const isScaled = ({ prior, image }) => sameScale(image, prior.image, 1) !== null;

const middles = ({ vertebrae }, points) => vertebrae.map(({ corners }) => middleOf(corners.map((corner) => points[corner])));

/**
 * Where the earlier film lies in its window: beside the vertebra that is nearest to the middle of this film's window, the same one
 * of the earlier film. Without a known scale, both spines are shown equally long.
 */
export function priorView(state, window) {
  const { prior, image, view, skeleton, film } = state;
  const orientation = Orientation.of(prior.image);
  const whole = View.fitting(orientation, window);
  const scale = sameScale(prior.image, image, view.scale);
  if (!hasPoints(state) || prior.image.view.nothing_found || skeleton.vertebrae.length === 0) return whole;
  const shown = middles(skeleton, shownPoints(state)).map((place) => view.toScreen(place));
  const earlier = middles(skeleton, prior.image.keypoints);
  const at = nearest(shown, { x: film.width / 2, y: film.height / 2 });
  const length = (points) => Math.hypot(points.at(-1).x - points[0].x, points.at(-1).y - points[0].y);
  const placed = new View(scale ?? length(shown) / (length(earlier) || 1), 0, 0, orientation);
  const place = placed.toScreen(earlier[at]);
  return placed.panned(window.width / 2 - place.x, shown[at].y - place.y);
}

function nearest(places, to) {
  const distances = places.map(({ x, y }) => Math.hypot(x - to.x, y - to.y));
  return distances.indexOf(Math.min(...distances));
}

/** Loads the film that the person chooses, and shows none beside another film. */
export function connect({ store, report }) {
  let wanted = null;
  store.watch(['priorId'], async ({ priorId, matching }) => {
    wanted = priorId;
    if (priorId === null) return store.set({ prior: null });
    try {
      const [image, bitmap] = await Promise.all([api.image(priorId), api.picture(priorId, matching?.on === true)]);
      if (wanted === priorId) store.set({ prior: { image, bitmap } });
    } catch (error) {
      if (wanted !== priorId) return;
      store.set({ priorId: null });
      report(error);
    }
  });
  let shown = null;
  store.watch(['image'], ({ image }) => {
    // What is beside one film is not of the next patient.
    if (image && image.id !== shown) store.set({ priorId: null });
    shown = image?.id ?? null;
  });
}
