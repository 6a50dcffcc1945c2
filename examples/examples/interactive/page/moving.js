// Points on their way: where they are while they are moved or turned together.
//
// A `moving` of the store has the `index` of the point in the hand, its place `x`, `y`, the `others` that go with it, and where
// they are turned the `center` and by how many `degrees`, clockwise on the film.

/** The place, or the nearest one on the image. */
export function within({ x, y }, { width, height }) {
  const inside = (value, extent) => Math.min(extent - 1, Math.max(0, value));
  return { x: inside(x, width), y: inside(y, height) };
}

/** Where a point that is on its way is now. */
export function placeOf(moving, image, keypoint) {
  if (keypoint === moving.index) return { x: moving.x, y: moving.y };
  const { x, y } = image.keypoints[keypoint];
  if (moving.center) return within(about(moving.center, { x, y }, moving.degrees, aspect(image)), image);
  const from = image.keypoints[moving.index];
  return within({ x: x + moving.x - from.x, y: y + moving.y - from.y }, image);
}

/** Where the point in the hand and those that go with it are put. */
export function movedPoints({ moving, image }) {
  return [moving.index, ...moving.others].map((keypoint) => ({ keypoint, ...placeOf(moving, image, keypoint) }));
}

/** The same points, turned by so many degrees from where they were. */
export function turned(moving, image, degrees) {
  const place = about(moving.center, image.keypoints[moving.index], degrees, aspect(image));
  return { ...moving, degrees, ...within(place, image) };
}

/** The middle of some points. */
export function middleOf(points) {
  const sum = points.reduce((sum, { x, y }) => ({ x: sum.x + x, y: sum.y + y }), { x: 0, y: 0 });
  return { x: sum.x / points.length, y: sum.y / points.length };
}

/** By how many degrees one direction on the film is turned from another, clockwise, -180…180. */
export function degreesBetween(image, from, to) {
  const angle = ({ x, y }) => Math.atan2(y, x * aspect(image));
  const degrees = ((angle(to) - angle(from)) * 180) / Math.PI;
  return degrees - 360 * Math.round(degrees / 360);
}

/** What was moved, in words. */
export function whatMoves({ index, others, center }, { names }) {
  const vertebrae = new Set([index, ...others].map((keypoint) => names[keypoint].split('-')[0]));
  const what = vertebrae.size === 1 ? [...vertebrae][0] : `${others.length + 1} points`;
  return `${what} ${center ? 'turned' : 'moved'}`;
}

/** How wide a pixel of an image is over its height: 1 where that is not known. */
const aspect = ({ spacing }) => (spacing ? spacing.pixel[0] / spacing.pixel[1] : 1);

function about(center, { x, y }, degrees, aspect) {
  const angle = (degrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const [dx, dy] = [(x - center.x) * aspect, y - center.y];
  return { x: center.x + (cos * dx - sin * dy) / aspect, y: center.y + sin * dx + cos * dy };
}
