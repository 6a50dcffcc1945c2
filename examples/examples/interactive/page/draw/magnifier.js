// Draws the magnifier beside a moving point: what lies under it, four times as large.

import { pointScene } from '../scene.js';
import { drawFilm } from './film.js';
import { drawPoints } from './points.js';

const TIMES = 4;
const SIDE = 168;
const AWAY = 36;

const box = document.getElementById('magnifier');
const film = document.getElementById('magnified-film').getContext('2d');
const marks = document.getElementById('magnified-points').getContext('2d');

export function drawMagnifier(state, unit) {
  const { moving, image, bitmap, view } = state;
  box.hidden = !moving || moving.released || moving.center !== null || !bitmap;
  if (box.hidden) return;
  const { ratio } = state.film;
  const side = SIDE * unit;
  for (const { canvas } of [film, marks]) {
    const pixels = Math.round(side * ratio);
    if (canvas.width !== pixels) [canvas.width, canvas.height] = [pixels, pixels];
  }
  const place = view.toScreen(moving);
  put(place, side, outward(state), state.film, unit);
  const magnified = view.around(moving, TIMES * view.scale, side);
  drawFilm(film, { bitmap, image }, magnified, ratio);
  marks.setTransform(1, 0, 0, 1, 0, 0);
  marks.clearRect(0, 0, marks.canvas.width, marks.canvas.height);
  marks.setTransform(ratio, 0, 0, ratio, 0, 0);
  const scene = pointScene(state);
  const others = scene.edges.filter((edge) => !edge.includes(moving.index));
  drawPoints(marks, { ...scene, edges: others, ghosts: null, names: false, chosen: null, hovered: null, selected: new Set(), hidden: moving.index }, magnified, unit);
  crosshair(side, unit);
}

/** The side of its vertebra that the moving point is on: 1 for the right, -1 for the left. */
function outward({ moving, skeleton, image, view }) {
  const own = skeleton.vertebrae.find(({ corners }) => corners.includes(moving.index))?.corners ?? [moving.index];
  const across = (index) => view.toScreen(image.keypoints[index]).x;
  const middle = own.reduce((sum, corner) => sum + across(corner), 0) / own.length;
  return across(moving.index) < middle ? -1 : 1;
}

/** Puts the box beside the point, away from the spine if there is room. */
function put({ x, y }, side, outward, { width, height }, unit) {
  const away = AWAY * unit;
  const [right, left] = [x + away, x - away - side];
  const fits = outward > 0 ? right + side < width : left > 0;
  const top = Math.min(height - side - 8, Math.max(8, y - side - away / 2));
  box.style.width = box.style.height = `${side}px`;
  box.style.transform = `translate(${fits === outward > 0 ? right : left}px, ${top}px)`;
}

function crosshair(side, unit) {
  const [middle, gap, arm] = [side / 2, 5 * unit, 22 * unit];
  const path = new Path2D();
  for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
    path.moveTo(middle + gap * dx, middle + gap * dy);
    path.lineTo(middle + arm * dx, middle + arm * dy);
  }
  for (const [colour, width] of [['rgba(4, 8, 12, 0.8)', 3.5], ['#ffffff', 1.5]]) {
    marks.strokeStyle = colour;
    marks.lineWidth = width * unit;
    marks.stroke(path);
  }
  marks.fillStyle = '#ffffff';
  marks.fillRect(middle - unit, middle - unit, 2 * unit, 2 * unit);
}
