// The earlier film: its choice, its window, and what is written there.

import { drawFilm, ToneFilter } from '../draw/film.js';
import { drawPoints } from '../draw/points.js';
import { byId, element } from '../element.js';
import { isScaled, priorView } from '../prior.js';
import { vertebraOf } from '../scene.js';

export function connect({ store, stage }) {
  const [choice, box] = [byId('prior-choice'), byId('prior')];
  const [film, points] = ['prior-film', 'prior-points'].map((id) => byId(id).getContext('2d'));
  const tone = new ToneFilter([film.canvas]);
  choice.addEventListener('change', () => store.set({ priorId: choice.value === '' ? null : Number(choice.value) }));
  store.watchAtEase(['images', 'image', 'priorId'], ({ images, image, priorId }) => {
    const others = images.filter(({ id }) => id !== image?.id);
    choice.replaceChildren(element('option', { value: '' }, 'none'), ...others.map(({ id, name }) => element('option', { value: id }, name)));
    choice.value = priorId ?? '';
    choice.disabled = image === null || others.length === 0;
  });
  store.watch(['prior', 'image'], (state) => {
    const { prior, image } = state;
    box.hidden = prior === null || image === null;
    if (box.hidden) return;
    byId('prior-name').textContent = prior.image.name;
    byId('prior-scale').textContent = isScaled(state) ? 'same scale' : 'scale not known: spines equally long';
  });
  store.watch(['tone', 'prior'], ({ tone: settings, prior }) => tone.apply(settings, prior?.image.view.negative === true));
  let drawing = false;
  const draw = () => {
    drawing = false;
    const { state } = store;
    if (!state.prior || !state.image || box.hidden) return;
    drawPrior(state, film, points, stage.unit);
  };
  store.watch(['prior', 'image', 'moving', 'view', 'film', 'shown', 'hidden'], () => {
    if (!drawing) requestAnimationFrame(draw);
    drawing = true;
  });
}

function drawPrior(state, film, points, unit) {
  const { prior, skeleton, shown, hidden, film: { ratio } } = state;
  const { clientWidth: width, clientHeight: height } = film.canvas;
  for (const { canvas } of [film, points]) {
    const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== across || canvas.height !== down) [canvas.width, canvas.height] = [across, down];
  }
  const view = priorView(state, { width, height });
  drawFilm(film, prior, view, ratio);
  points.setTransform(1, 0, 0, 1, 0, 0);
  points.clearRect(0, 0, points.canvas.width, points.canvas.height);
  if (hidden || prior.image.view.nothing_found) return;
  points.setTransform(ratio, 0, 0, ratio, 0, 0);
  drawPoints(points, {
    points: prior.image.keypoints.map((point) => ({ ...point, suspect: false })),
    ghosts: null, edges: skeleton.edges, vertebrae: skeleton.vertebrae, vertebraOf: vertebraOf(skeleton), pointNames: skeleton.names,
    chosen: null, hovered: null, selected: new Set(), names: shown.names, small: true,
  }, view, unit);
}
