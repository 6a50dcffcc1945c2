// How far a point may be moved without being asked.

/** In heights of a vertebra. */
const FAR = 3;

/** The middle one of the vertebrae's heights, in pixels of the film; null for points without vertebrae. */
export function vertebraHeight({ vertebrae }, points) {
  const height = ({ corners: [topLeft, , bottomLeft] }) =>
    Math.hypot(points[topLeft].x - points[bottomLeft].x, points[topLeft].y - points[bottomLeft].y);
  const heights = vertebrae.map(height).sort((a, b) => a - b);
  return heights.length > 0 ? heights[Math.floor(heights.length / 2)] : null;
}

/** Whether a point would move so far that it is likely a mistake. */
export function isFar(skeleton, points, { keypoint, x, y }) {
  const height = vertebraHeight(skeleton, points);
  return height !== null && Math.hypot(x - points[keypoint].x, y - points[keypoint].y) > FAR * height;
}

/** Whether a place is on the film. */
export const isOnFilm = ({ x, y }, { width, height }) => x >= -0.5 && y >= -0.5 && x <= width - 0.5 && y <= height - 0.5;

/** Whether a point lies on the film's edge, where a point beyond it is put. */
export const isOnEdge = ({ x, y }, { width, height }) => x <= 0 || y <= 0 || x >= width - 1 || y >= height - 1;
