// The frame, the part of the film that the network sees, as a person takes hold of it.
//
// A frame has a `center` on the film (from the film's corner), `width`, `height`, `degrees` (clockwise on the film) and
// `mirrored`. Its own directions are those in which the network sees it: x across, y down, from its middle.

/** The shortest side that the server takes, in pixels of the film, and the longest over the film's longer side. */
const SHORTEST = 16;
const LONGEST = 4;
const TURN_HANDLE = 28;
const REACH = 9;
const SNAP_DEGREES = 1.5;

/** The places of the handles over half the frame's sides. */
export const HANDLES = [[-1, -1], [0, -1], [1, -1], [1, 0], [1, 1], [0, 1], [-1, 1], [-1, 0]];

/** The frame to show: as it is being changed, or as it is. */
export const shownFrame = ({ framing, image }) => framing ?? image.view.frame;

/** Whether the pointer changes the frame: when it is asked to, and when there is nothing else to take hold of. */
export const isFraming = ({ tool, image }) =>
  image !== null && (tool === 'frame' || (tool === 'correct' && image.view.nothing_found));

function turn({ degrees, mirrored }) {
  const angle = (degrees * Math.PI) / 180;
  return { cos: Math.cos(angle), sin: Math.sin(angle), sign: mirrored ? -1 : 1 };
}

/** A place of the film in the frame's own directions. */
export function inFrame(frame, { x, y }) {
  const { cos, sin, sign } = turn(frame);
  const [dx, dy] = [x - frame.center[0], y - frame.center[1]];
  return { x: sign * (cos * dx + sin * dy), y: cos * dy - sin * dx };
}

/** The place of the film that is somewhere in the frame. */
export function onFilm(frame, { x, y }) {
  const { cos, sin, sign } = turn(frame);
  return { x: frame.center[0] + cos * sign * x - sin * y, y: frame.center[1] + sin * sign * x + cos * y };
}

/** Where a place in the frame, given over half its sides, is on the screen. */
export function screenPlace(frame, view, [across, down]) {
  const { x, y } = onFilm(frame, { x: (across * frame.width) / 2, y: (down * frame.height) / 2 });
  return view.toScreen({ x: x - 0.5, y: y - 0.5 });
}

/** The handle that turns the frame: above its top edge, or inside where there is no room. */
export function turnHandle(frame, view, unit) {
  const [top, middle] = [screenPlace(frame, view, [0, -1]), screenPlace(frame, view, [0, 0])];
  const length = Math.hypot(top.x - middle.x, top.y - middle.y) || 1;
  const away = (by) => ({ x: top.x + (by * (top.x - middle.x)) / length, y: top.y + (by * (top.y - middle.y)) / length });
  const outside = away(TURN_HANDLE * unit);
  const room = outside.x > REACH && outside.y > REACH;
  return { top, place: room ? outside : away(-TURN_HANDLE * unit) };
}

/** What of the frame is at a place on the screen: the turning handle, another handle, the border, or nothing. */
export function partAt(frame, view, place, unit) {
  const near = ({ x, y }) => Math.hypot(x - place.x, y - place.y) <= REACH * unit;
  if (near(turnHandle(frame, view, unit).place)) return { kind: 'turn' };
  const handle = HANDLES.find((at) => near(screenPlace(frame, view, at)));
  if (handle) return { kind: 'size', handle };
  const { x, y } = inFrame(frame, corner(view, place));
  const [beside, above] = [Math.abs(x) - frame.width / 2, Math.abs(y) - frame.height / 2];
  const border = Math.abs(Math.max(beside, above)) * view.scale <= REACH * unit;
  return border ? { kind: 'move' } : null;
}

/** The cursor over a part. */
export function cursorOf(part, frame, view) {
  if (part === null) return 'crosshair';
  if (part.kind !== 'size') return part.kind === 'turn' ? 'grab' : 'move';
  const [at, middle] = [screenPlace(frame, view, part.handle), screenPlace(frame, view, [0, 0])];
  const [across, down] = [at.x - middle.x, at.y - middle.y];
  if (part.handle.includes(0)) return Math.abs(across) > Math.abs(down) ? 'ew-resize' : 'ns-resize';
  return across * down > 0 ? 'nwse-resize' : 'nesw-resize';
}

/** The place of the film, from its corner, under a place on the screen. */
export function corner(view, place) {
  const { x, y } = view.toImage(place);
  return { x: x + 0.5, y: y + 0.5 };
}

/** The frame with the side or corner of a handle at a place of the film. */
export function sized(frame, [across, down], place, film) {
  const to = inFrame(frame, place);
  const longest = LONGEST * Math.max(film.width, film.height);
  const side = (way, length, at) => {
    if (way === 0) return [-length / 2, length / 2];
    const fixed = (-way * length) / 2;
    const long = Math.min(longest, Math.max(SHORTEST, way * (at - fixed)));
    return way > 0 ? [fixed, fixed + long] : [fixed - long, fixed];
  };
  const [left, right] = side(across, frame.width, to.x);
  const [upper, lower] = side(down, frame.height, to.y);
  const middle = onFilm(frame, { x: (left + right) / 2, y: (upper + lower) / 2 });
  const changed = { ...frame, center: [middle.x, middle.y], width: right - left, height: lower - upper };
  return isOn(film, middle) ? changed : frame;
}

/** The frame moved by so much on the film, its middle kept on the film. */
export function moved(frame, dx, dy, film) {
  const within = (value, most) => Math.min(most, Math.max(0, value));
  return { ...frame, center: [within(frame.center[0] + dx, film.width), within(frame.center[1] + dy, film.height)] };
}

/** The frame turned so that its top points to a place of the film; quarter turns are snapped to. */
export function turned(frame, place) {
  const { x, y } = inFrame(frame, place);
  const by = (Math.atan2(x, -y) * 180) / Math.PI;
  const degrees = frame.degrees + (frame.mirrored ? -by : by);
  const quarter = 90 * Math.round(degrees / 90);
  const snapped = Math.abs(degrees - quarter) < SNAP_DEGREES ? quarter : degrees;
  return { ...frame, degrees: snapped - 360 * Math.ceil((snapped - 180) / 360) };
}

/** A new frame from one place of the film to another, upright as the film is shown; null where it is too small. */
export function drawn(from, to, { turns, mirrored, film }) {
  const center = [(from.x + to.x) / 2, (from.y + to.y) / 2];
  const upright = { center, degrees: turns > 2 ? -90 : 90 * turns, mirrored };
  const { x, y } = inFrame(upright, to);
  const frame = { ...upright, width: 2 * Math.abs(x), height: 2 * Math.abs(y) };
  const large = frame.width >= SHORTEST && frame.height >= SHORTEST;
  return large && isOn(film, { x: center[0], y: center[1] }) ? frame : null;
}

const isOn = ({ width, height }, { x, y }) => x >= 0 && y >= 0 && x <= width && y <= height;
