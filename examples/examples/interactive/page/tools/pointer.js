// Decides what a pointer on the film does.

import { cursorOf, isFraming, partAt, shownFrame } from '../framing.js';
import { MEASURES } from '../measures.js';
import { pointAt } from '../scene.js';
import { isOnHandle } from '../selection.js';
import { drag } from './drag.js';
import { frame } from './frame.js';
import { measure } from './measure.js';
import { pan } from './pan.js';
import { pinch } from './pinch.js';
import { press } from './press.js';
import { marquee, pick } from './select.js';
import { turn } from './turn.js';
import { windowLevel } from './window.js';

const REACH = 12;
const WHEEL_ZOOM = 1.0015;
const WHEEL_LINE = 32;

/** Connects the film to the tools. Returns how to cancel what the pointer is doing. */
export function listen(app) {
  const film = document.getElementById('film');
  const fingers = new Map();
  let gesture = null;

  const placeOf = (event) => {
    const { left, top } = film.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  };
  const begin = (next) => {
    gesture = next;
    film.style.cursor = next?.cursor ?? '';
  };

  const hover = (event, place) => {
    const { state } = app.store;
    const framing = isFraming(state) && !state.panning;
    if (framing) {
      const shown = shownFrame(state);
      film.style.cursor = cursorOf(partAt(shown, state.view, place, app.stage.unit), shown, state.view);
    } else film.style.cursor = isOnHandle(state, place, app.stage.unit) ? 'grab' : '';
    app.store.set({ hovered: framing || event.altKey ? null : pointAt(state, place, REACH * app.stage.unit) });
  };

  film.addEventListener('pointerdown', (event) => {
    if (!app.store.state.image) return;
    film.focus({ preventScroll: true });
    film.setPointerCapture(event.pointerId);
    const place = placeOf(event);
    fingers.set(event.pointerId, place);
    if (fingers.size === 1) begin(gestureOf(app, event, place));
    else if (fingers.size === 2) {
      gesture?.cancel();
      begin(pinch(app, ...fingers.values()));
    }
  });
  film.addEventListener('pointermove', (event) => {
    const place = placeOf(event);
    if (fingers.has(event.pointerId)) {
      const finger = [...fingers.keys()].indexOf(event.pointerId);
      fingers.set(event.pointerId, place);
      gesture?.move(place, finger);
    } else if (app.store.state.image) {
      hover(event, place);
    }
    if (app.store.state.image) app.store.set({ cursor: app.store.state.view.toImage(place) });
  });
  const finish = (event, how) => {
    if (!fingers.delete(event.pointerId)) return;
    gesture?.[how](placeOf(event));
    begin(null);
  };
  film.addEventListener('pointerup', (event) => finish(event, 'end'));
  film.addEventListener('pointercancel', (event) => finish(event, 'cancel'));
  film.addEventListener('pointerleave', () => app.store.set({ hovered: null, cursor: null }));
  film.addEventListener('contextmenu', (event) => event.preventDefault());
  film.addEventListener('wheel', (event) => {
    event.preventDefault();
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? WHEEL_LINE : 1;
    const way = event.deltaY * unit;
    // A wheel that goes across moves the film, as does Shift.
    const across = event.shiftKey && event.deltaX === 0 ? way : event.deltaX * unit;
    if (!event.ctrlKey && Math.abs(across) > (event.shiftKey ? 0 : Math.abs(way))) return app.stage.pan(-across, 0);
    app.stage.zoom(WHEEL_ZOOM ** -(event.ctrlKey ? 6 * way : way), placeOf(event));
  }, { passive: false });

  return () => {
    const busy = gesture !== null;
    gesture?.cancel();
    begin(null);
    return busy;
  };
}

function gestureOf(app, event, place) {
  const { tool, panning } = app.store.state;
  if (event.button === 1 || panning) return pan(app, place);
  if (event.button === 2) return windowLevel(app, place);
  if (event.button !== 0) return null;
  if (tool === 'pan') return pan(app, place);
  if (tool === 'window') return windowLevel(app, place);
  if (MEASURES.includes(tool)) return measure(app, place);
  if (isFraming(app.store.state)) return frame(app, place);
  if (isOnHandle(app.store.state, place, app.stage.unit)) return turn(app, place);
  const hit = event.altKey ? null : pointAt(app.store.state, place, REACH * app.stage.unit);
  const more = event.ctrlKey || event.metaKey;
  if (more || tool === 'select') return hit === null ? marquee(app, place, more) : pick(app, hit, place);
  return hit === null ? press(app, place) : drag(app, hit, place, event.shiftKey);
}
