// What the page says: what was done, where the pointer is, what went wrong.

import { byId, element } from '../element.js';
import { isOnFilm } from '../distance.js';
import { inBoth } from '../length.js';
import { savedState } from '../saved.js';

export function connect({ store, workplace }) {
  store.watch(['message', 'busy'], ({ message, busy }) => {
    byId('status').textContent = message ?? '';
    document.body.classList.toggle('busy', busy);
  });
  store.watch(['chosen'], ({ chosen, image, skeleton }) => {
    if (chosen === null) return;
    const { hinted, confidence, visible, expected_error: error, expected_error_mm: millimetres } = image.keypoints[chosen];
    const unsure = image.suspects.includes(chosen) ? ', unsure' : '';
    const off = error === null ? '' : `, expected to be off by ${inBoth(error, millimetres)}`;
    const how = !visible ? 'not visible' : hinted ? 'corrected' : `confidence ${Math.round(100 * confidence)} %${off}${unsure}`;
    store.set({ message: `${skeleton.names[chosen]}: ${how}` });
  });
  store.watch(['selected', 'image', 'moving'], ({ selected, image, moving }) => {
    byId('selection').hidden = selected.length < 2 || image === null || (moving !== null && !moving.byKeys);
    const turned = moving?.center ? `, turned by ${Math.abs(moving.degrees).toFixed(1)}°` : '';
    byId('selection').firstElementChild.textContent = `${selected.length} points selected${turned}`;
  });
  store.watch(['cursor', 'image'], ({ cursor, image }) => {
    const on = cursor && image && isOnFilm(cursor, image);
    byId('cursor-place').textContent = on ? `x ${cursor.x.toFixed(1)}  y ${cursor.y.toFixed(1)}` : '';
  });
  store.watch(['view', 'image'], ({ view, image, film }) => {
    byId('zoom-level').textContent = image ? `${Math.round(100 * view.scale * film.ratio)} %` : '';
  });
  store.watch(['image', 'pending', 'waited', 'silent', 'offline'], (state) => {
    const { text, state: how } = savedState(state);
    byId('saved').textContent = text;
    byId('saved').dataset.state = how;
  });
  store.watch(['moving'], ({ moving, skeleton, image }) => {
    byId('far').hidden = !moving?.asking;
    if (!moving?.asking) return;
    const { x, y } = image.keypoints[moving.index];
    const way = Math.round(Math.hypot(moving.x - x, moving.y - y));
    byId('far').firstElementChild.textContent = `Move ${moving.others.length > 0 ? `${moving.others.length + 1} points` : skeleton.names[moving.index]} by ${way} px? That is more than three vertebra heights.`;
  });
  store.watchAtEase(['image'], ({ image }) => {
    byId('effort').textContent = image ? `${image.clicks} ${image.clicks === 1 ? 'click' : 'clicks'}` : '';
    if (image?.save_error) store.set({ alert: `Not saved: ${image.save_error}` });
    const accepted = image?.status === 'accepted';
    byId('suspect-count').textContent = image?.suspects.length ?? 0;
    byId('accept-text').textContent = accepted ? 'Accepted' : 'Accept';
    byId('differs').hidden = !image?.network_differs;
    byId('differs').firstElementChild.textContent = image?.network_differs ? `These points were predicted by ${image.network}.` : '';
  });
  store.watch(['alert', 'offline', 'silent'], ({ alert, offline, silent }) => {
    const slow = 'The server does not answer. Changes are not saved until it does.';
    const text = offline ? 'Connection to the server lost. Saved corrections are safe; reconnecting …' : silent > 0 ? slow : alert;
    byId('alert').hidden = !text;
    byId('alert').querySelector('span').textContent = text ?? '';
  });
  store.watch(['loading'], ({ loading }) => {
    byId('loading').hidden = loading === null;
    byId('loading-text').textContent = loading ?? '';
  });
  const network = byId('network');
  network.addEventListener('change', () => workplace.chooseModel(Number(network.value)));
  store.watch(['models', 'model'], ({ models, model }) => {
    network.replaceChildren(...models.map(({ id, name }) => element('option', { value: id }, name)));
    if (model) network.value = model.id;
    network.disabled = models.length < 2;
  });
}
