// The canvases: sharp on every screen, drawn at most once a frame and only where something changed.

import { drawCobbAngles, drawCobbLines } from './draw/cobb.js';
import { drawFilm, ToneFilter } from './draw/film.js';
import { drawFrame, drawHandles } from './draw/frame.js';
import { drawHeatmap } from './draw/heatmap.js';
import { drawLabels } from './draw/labels.js';
import { drawMagnifier } from './draw/magnifier.js';
import { drawMeasures } from './draw/measures.js';
import { drawPoints, placesToSee } from './draw/points.js';
import { drawMarquee, drawTurnHandle } from './draw/selection.js';
import { isFraming, shownFrame } from './framing.js';
import { Orientation } from './orientation.js';
import { hasPoints, pointScene, shownCurves, shownPoints } from './scene.js';
import { View } from './view.js';

/** How high a vertebra is shown, in units, where one point of it is to be judged. */
const VERTEBRA = 90;

const element = (id) => document.getElementById(id);
const layer = (id) => element(id).getContext('2d');

export class Stage {
  #store;
  #film = layer('film-canvas');
  #heat = layer('heat-canvas');
  #points = layer('points-canvas');
  #dirty = new Set();
  #fitted = null;

  constructor(store) {
    this.#store = store;
    const tone = new ToneFilter([element('film-canvas'), element('magnified-film')]);
    this.#watchSize(element('film'));
    store.watch(['tone', 'image'], (state) => tone.apply(state.tone, state.image?.view.negative === true));
    store.watch(['bitmap'], () => this.fit());
    store.watch(['image'], ({ image, view }) => image && !view.orientation.same(Orientation.of(image)) && this.fit());
    store.watch(['bitmap', 'view'], () => this.#redraw('film'));
    store.watch(['heatmap', 'view', 'image'], () => this.#redraw('heat'));
    const drawn = ['image', 'moving', 'ghosts', 'chosen', 'hovered', 'shown', 'convention', 'view', 'cursor', 'bitmap', 'framing', 'tool', 'hidden', 'selected', 'marquee', 'measuring'];
    store.watch(drawn, () => this.#redraw('points'));
  }

  /** The length that markers and lines are measured in: larger on a large screen. */
  get unit() {
    return parseFloat(getComputedStyle(document.documentElement).fontSize) / 14;
  }

  /** Shows the whole image. */
  fit() {
    const { image, film } = this.#store.state;
    if (!image || film.width === 0) return;
    this.#fitted = View.fitting(Orientation.of(image), film);
    this.#store.set({ view: this.#fitted });
  }

  /** Zooms by `factor` at a place on the screen, or in the middle. */
  zoom(factor, place) {
    const { view, film, image } = this.#store.state;
    if (!image) return;
    const smallest = View.fitting(view.orientation, film).scale / 2;
    const middle = { x: film.width / 2, y: film.height / 2 };
    this.#store.set({ view: view.zoomed(factor, place ?? middle, smallest).kept(film) });
  }

  /** Moves the image by so many CSS pixels. */
  pan(dx, dy) {
    const { view, film, image } = this.#store.state;
    if (image) this.#store.set({ view: view.panned(dx, dy).kept(film) });
  }

  /** Brings a point into sight. */
  reveal(index) {
    const state = this.#store.state;
    this.#store.set({ view: state.view.revealing(shownPoints(state)[index], state.film) });
  }

  /** Brings a point into the middle, so large that its vertebra (`height` pixels of the film) can be judged. */
  approach(index, height) {
    const state = this.#store.state;
    const { view, film } = state;
    const point = shownPoints(state)[index];
    const wanted = (VERTEBRA * this.unit) / (height || VERTEBRA);
    if (view.scale >= wanted) return this.reveal(index);
    const middle = { x: film.width / 2, y: film.height / 2 };
    const near = view.zoomed(wanted / view.scale, view.toScreen(point), 0);
    const place = near.toScreen(point);
    this.#store.set({ view: near.panned(middle.x - place.x, middle.y - place.y).kept(film) });
  }

  #watchSize(film) {
    const observer = new ResizeObserver(([entry]) => this.#resize(entry));
    try {
      // Also tells when the window moves to a screen with smaller pixels.
      observer.observe(film, { box: 'device-pixel-content-box' });
    } catch {
      observer.observe(film);
    }
  }

  #resize({ contentRect, devicePixelContentBoxSize: [device] = [] }) {
    const { width, height } = contentRect;
    const ratio = device ? device.inlineSize / width : devicePixelRatio;
    for (const { canvas } of [this.#film, this.#heat, this.#points]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const fitted = this.#store.state.view === this.#fitted;
    this.#store.set({ film: { width, height, ratio } });
    if (fitted || !this.#fitted) this.fit();
    // At once: resizing has made them blank.
    this.#dirty = new Set(['film', 'heat', 'points']);
    this.#draw();
  }

  #redraw(part) {
    if (this.#dirty.size === 0) requestAnimationFrame(() => this.#draw());
    this.#dirty.add(part);
  }

  #draw() {
    const state = this.#store.state;
    const dirty = new Set(this.#dirty);
    this.#dirty.clear();
    if (dirty.has('film')) drawFilm(this.#film, state, state.view, state.film.ratio);
    if (dirty.has('heat')) drawHeatmap(this.#heat, state, state.view, state.film.ratio);
    if (dirty.has('points')) this.#drawPoints(state);
  }

  #drawPoints(state) {
    const { image, skeleton, film, view } = state;
    const context = this.#points;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, context.canvas.width, context.canvas.height);
    drawMagnifier(state, this.unit);
    if (!image || !skeleton) return;
    context.setTransform(film.ratio, 0, 0, film.ratio, 0, 0);
    const frame = isFraming(state) ? shownFrame(state) : null;
    if (frame) drawFrame(context, frame, view, film, this.unit);
    if (hasPoints(state)) this.#drawFindings(context, state);
    if (!state.hidden) drawMeasures(context, state, hasPoints(state) ? shownPoints(state).map((point) => view.toScreen(point)) : [], this.unit);
    if (frame) drawHandles(context, frame, view, this.unit);
  }

  #drawFindings(context, state) {
    const { image, skeleton, view, shown } = state;
    if (state.hidden) return;
    const scene = pointScene(state);
    if (shown.labels && image.comparison) {
      drawLabels(context, image.comparison.labels, scene.points, view, this.unit);
    }
    const names = skeleton.vertebrae.map(({ name }) => name);
    const curves = shown.cobb ? shownCurves(state) : [];
    drawCobbLines(context, curves, view, this.unit);
    drawPoints(context, scene, view, this.unit);
    drawCobbAngles(context, curves, names, placesToSee(scene, view, this.unit), view, this.unit);
    drawTurnHandle(context, state, this.unit);
    drawMarquee(context, state.marquee, this.unit);
  }
}
