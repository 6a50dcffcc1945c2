// What a person measures on the film, apart from the points: distances, and angles between two lines.

import { inBoth } from './length.js';

/** Which tool measures what. */
export const MEASURES = ['distance', 'angle'];

/** The lines of a measurement, each from one `{ x, y }` of the film to another. */
export const linesOf = ({ lines }) => lines.map((line) => line.map(([x, y]) => ({ x, y })));

/** How far a line falls from left to right, in degrees and in square pixels. */
function tilt([from, to], spacing) {
  const [width, height] = spacing?.pixel ?? [1, 1];
  const [x, y] = [(to.x - from.x) * width, (to.y - from.y) * height];
  return (Math.atan2(x < 0 ? -y : y, Math.abs(x)) * 180) / Math.PI;
}

/** What is being measured, as the server would say it; null while an angle has one line only. */
export function measuredNow({ kind, lines }, { spacing }) {
  if (kind === 'angle') {
    return lines.length < 2 ? null : { pixels: null, millimetres: null, degrees: Math.abs(tilt(lines[0], spacing) - tilt(lines[1], spacing)) };
  }
  const [from, to] = lines[0];
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const known = spacing?.millimetres ? Math.hypot(dx * spacing.pixel[0], dy * spacing.pixel[1]) : null;
  return { pixels: Math.hypot(dx, dy), millimetres: known, degrees: null };
}

/** A measurement in words. */
export function inWords({ pixels, millimetres, degrees }) {
  return degrees === null ? inBoth(pixels, millimetres) : `${degrees.toFixed(1)}°`;
}

/** A measurement as the server takes it: its lines from one `[x, y]` to another. */
export const sent = (kind, lines) => (kind === 'angle' ? { angle: lines } : { distance: lines[0] });

/** One that the server told, as it takes it. */
export const asSent = ({ lines, degrees }) => sent(degrees === null ? 'distance' : 'angle', lines);
