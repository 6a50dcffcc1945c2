// Draws the points: one colour a vertebra, the same size at every zoom.
//
// A person's point is a ringed square, a predicted one a disc, an uncertain one a hollow disc in a dashed circle that is
// the wider the less the model is sure, one that is not visible on the film a cross: shape and not colour alone tells them apart.

import { INK, vertebraColour } from '../palette.js';

const MOVED = 0.5;
const FULL_TURN = 2 * Math.PI;
/** About the length of a vertebra's name. */
const NAME = 24;

/**
 * Draws all points of a scene.
 *
 * @param context of a canvas, in CSS pixels
 * @param scene `points` (with x, y, hinted, suspect, confidence), `ghosts` (their old places or null), `edges`,
 *     `vertebraOf` (the vertebra of each point), `vertebrae`, `pointNames`, `chosen`, `hovered`, `selected` (a set), `names`
 *     (whether to draw those of vertebrae), `small` (whether markers are small and hollow), `hidden` (a point to leave out)
 * @param view where the image lies
 * @param unit the length that everything is measured in: 1 on a common screen, more on a large one
 */
export function drawPoints(context, scene, view, unit) {
  const places = scene.points.map((point) => view.toScreen(point));
  context.lineCap = 'round';
  drawEdges(context, scene, places, unit);
  if (scene.ghosts) drawGhosts(context, scene, places, view, unit);
  scene.points.forEach((point, index) => {
    if (index !== scene.chosen && index !== scene.hidden) drawMarker(context, scene, places[index], index, unit);
  });
  if (scene.names) drawNames(context, scene, places, unit);
  if (scene.chosen !== null) drawMarker(context, scene, places[scene.chosen], scene.chosen, unit);
  for (const index of new Set([scene.hovered, scene.chosen])) {
    if (index !== null) drawTag(context, scene, places[index], index, unit);
  }
}

const colourOf = (scene, index) => vertebraColour(scene.vertebraOf[index]);

function drawEdges(context, { edges, points, ...scene }, places, unit) {
  const line = (colour, width) => {
    context.strokeStyle = colour;
    context.lineWidth = width * unit;
    context.stroke();
  };
  for (const [from, to] of edges) {
    // No line leads to what is not there.
    if (points[from].visible === false || points[to].visible === false) continue;
    context.beginPath();
    context.moveTo(places[from].x, places[from].y);
    context.lineTo(places[to].x, places[to].y);
    line('rgba(4, 8, 12, 0.45)', 3);
    line(colourOf(scene, from), 1.25);
  }
}

function drawGhosts(context, scene, places, view, unit) {
  scene.ghosts.forEach((ghost, index) => {
    const point = scene.points[index];
    if (point.visible === false) return;
    if (Math.hypot(point.x - ghost.x, point.y - ghost.y) < MOVED) return;
    const from = view.toScreen(ghost);
    const to = places[index];
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(to.x, to.y);
    context.strokeStyle = INK.outline;
    context.lineWidth = 3 * unit;
    context.stroke();
    context.strokeStyle = INK.ghost;
    context.lineWidth = 1.5 * unit;
    context.stroke();
    context.beginPath();
    context.arc(from.x, from.y, 3 * unit, 0, FULL_TURN);
    context.fillStyle = INK.outline;
    context.fill();
    context.stroke();
  });
}

function drawMarker(context, scene, place, index, unit) {
  const point = scene.points[index];
  const colour = colourOf(scene, index);
  const lifted = index === scene.chosen || index === scene.hovered;
  const radius = (lifted ? 5 : scene.small ? 2.5 : 4) * unit;
  if (point.visible === false) return drawCross(context, place, lifted, index === scene.chosen, unit);
  if (point.suspect && !point.hinted) {
    context.beginPath();
    context.arc(place.x, place.y, radius + (2.5 + 8 * (1 - point.confidence)) * unit, 0, FULL_TURN);
    context.setLineDash([3 * unit, 4 * unit]);
    outlined(context, INK.suspect, 1.25 * unit);
    context.setLineDash([]);
  }
  if (scene.selected.has(index)) {
    context.beginPath();
    context.arc(place.x, place.y, radius + 7 * unit, 0, FULL_TURN);
    outlined(context, INK.selected, 1.5 * unit);
  }
  if (index === scene.chosen) {
    context.beginPath();
    context.arc(place.x, place.y, radius + 4.5 * unit, 0, FULL_TURN);
    outlined(context, INK.chosen, 2 * unit);
  }
  context.beginPath();
  if (point.hinted) {
    const side = radius + unit;
    context.rect(place.x - side, place.y - side, 2 * side, 2 * side);
  } else {
    context.arc(place.x, place.y, radius, 0, FULL_TURN);
  }
  const hollow = (point.suspect && !point.hinted) || scene.small;
  context.fillStyle = scene.small ? 'transparent' : hollow ? 'rgba(4, 8, 12, 0.55)' : colour;
  context.fill();
  const width = (scene.small ? 1 : 1.75) * unit;
  if (point.hinted) outlined(context, INK.chosen, width);
  else if (hollow) outlined(context, colour, width);
  else {
    context.strokeStyle = INK.outline;
    context.lineWidth = 1.25 * unit;
    context.stroke();
  }
  if (index === scene.chosen) crosshair(context, place, unit);
}

/** A point that is not visible on the film. */
function drawCross(context, { x, y }, lifted, chosen, unit) {
  const arm = (lifted ? 5 : 3.5) * unit;
  context.beginPath();
  context.moveTo(x - arm, y - arm);
  context.lineTo(x + arm, y + arm);
  context.moveTo(x - arm, y + arm);
  context.lineTo(x + arm, y - arm);
  outlined(context, chosen ? INK.chosen : INK.absent, 1.5 * unit);
}

/** Where exactly the point is, inside the marker. */
function crosshair(context, { x, y }, unit) {
  context.beginPath();
  context.arc(x, y, 1.25 * unit, 0, FULL_TURN);
  context.fillStyle = '#000';
  context.fill();
}

function outlined(context, colour, width) {
  context.strokeStyle = INK.outline;
  context.lineWidth = 2 * width;
  context.stroke();
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.stroke();
}

function drawNames(context, scene, places, unit) {
  context.textAlign = 'right';
  context.textBaseline = 'middle';
  context.font = `600 ${13 * unit}px system-ui, sans-serif`;
  scene.vertebrae.forEach(({ name, corners }, index) => {
    const gone = corners.every((corner) => scene.points[corner].visible === false);
    const { x, y } = nameEnd(corners, places, unit);
    written(context, gone ? `${name} not visible` : name, x, y, gone ? INK.absent : vertebraColour(index), unit);
  });
}

/** The right end of the name of the vertebra with these corners. */
function nameEnd(corners, places, unit) {
  const left = Math.min(...corners.map((corner) => places[corner].x));
  const middle = corners.reduce((sum, corner) => sum + places[corner].y, 0) / corners.length;
  return { x: left - 14 * unit, y: middle };
}

/** The places on the screen that labels must not hide: the points, and both ends of the names of vertebrae if they are shown. */
export function placesToSee(scene, view, unit) {
  const places = scene.points.map((point) => view.toScreen(point));
  if (!scene.names) return places;
  const names = scene.vertebrae.flatMap(({ corners }) => {
    const { x, y } = nameEnd(corners, places, unit);
    return [{ x, y }, { x: x - NAME * unit, y }];
  });
  return [...places, ...names];
}

/** The name of the point that is chosen or under the pointer. */
function drawTag(context, scene, place, index, unit) {
  const text = scene.pointNames[index];
  context.font = `600 ${12 * unit}px system-ui, sans-serif`;
  context.textAlign = 'left';
  context.textBaseline = 'middle';
  const width = context.measureText(text).width;
  const [x, y, pad, height] = [place.x + 14 * unit, place.y - 18 * unit, 6 * unit, 20 * unit];
  context.beginPath();
  context.roundRect(x - pad, y - height / 2, width + 2 * pad, height, 4 * unit);
  context.fillStyle = 'rgba(10, 14, 19, 0.92)';
  context.fill();
  context.strokeStyle = colourOf(scene, index);
  context.lineWidth = unit;
  context.stroke();
  context.fillStyle = '#f2f5f9';
  context.fillText(text, x, y + 0.5 * unit);
}

/** Text with a dark rim, readable over black and white. */
export function written(context, text, x, y, colour, unit) {
  context.lineJoin = 'round';
  context.lineWidth = 3.5 * unit;
  context.strokeStyle = INK.outline;
  context.strokeText(text, x, y);
  context.fillStyle = colour;
  context.fillText(text, x, y);
}
