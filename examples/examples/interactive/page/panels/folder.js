// The images of the folder with their status, and how far the work is. Only those in sight are in the page.

import * as api from '../api.js';
import { byId, element, icon } from '../element.js';
import { arranged } from '../list.js';

const STATUS = { untouched: 'untouched', in_work: 'in progress', accepted: 'accepted', unusable: 'unusable' };
/** So many images beyond those in sight are in the page. */
const BEYOND = 6;
/** From so many images on, they can be searched and sorted. */
const MANY = 6;
/** So many small pictures are loaded at a time, so that connections stay free for what the person does. */
const LOADING = 2;

export function connect({ store, workplace }) {
  const list = byId('thumbnails');
  const items = new Map();
  let shown = [];

  arranging(store);
  byId('predict-all').addEventListener('click', () => workplace.predictAll());
  store.watch(['ahead'], ({ ahead }) => {
    byId('predict-all').textContent = ahead ? `Stop (${ahead.done} of ${ahead.films})` : 'Predict all';
  });
  list.addEventListener('scroll', draw, { passive: true });
  new ResizeObserver(draw).observe(list);
  list.addEventListener('keydown', (event) => {
    const at = shown.findIndex(({ id }) => items.get(id) === document.activeElement);
    const ways = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: shown.length - 1 };
    if (at >= 0 && (event.key === 'Enter' || event.key === ' ')) document.activeElement.click();
    else if (at >= 0 && event.key in ways) focusAt(ways[event.key]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  /** How far apart the images of the list are. */
  const pitch = () => parseFloat(getComputedStyle(list).getPropertyValue('--pitch')) * parseFloat(getComputedStyle(document.documentElement).fontSize);

  /** Puts the images in sight into the page. */
  function draw() {
    const step = pitch();
    const first = Math.max(0, Math.floor(list.scrollTop / step) - BEYOND);
    const last = Math.min(shown.length, Math.ceil((list.scrollTop + list.clientHeight) / step) + BEYOND);
    const { image } = store.state;
    const focused = document.activeElement;
    const range = shown.slice(first, last);
    const wanted = new Set(range.map(({ id }) => id));
    // Tab reaches the open image, or the first where that is not shown.
    const reached = shown.some(({ id }) => id === image?.id) ? image.id : shown[0]?.id;
    for (const [id, made] of items) {
      if (wanted.has(id) || made === focused) continue;
      made.remove();
      items.delete(id);
    }
    range.forEach((entry, index) => {
      const made = items.get(entry.id) ?? item(entry, () => workplace.open(entry.id));
      items.set(entry.id, made);
      update(made, entry, entry.id === image?.id);
      made.tabIndex = entry.id === reached ? 0 : -1;
      made.style.top = `${(first + index) * step}px`;
      made.setAttribute('aria-setsize', String(shown.length));
      made.setAttribute('aria-posinset', String(first + index + 1));
      if (list.children[index] !== made) list.insertBefore(made, list.children[index] ?? null);
    });
    list.style.setProperty('--length', `${shown.length * step}px`);
  }

  /** Scrolls so that an image is in sight. */
  function reveal(index) {
    const step = pitch();
    if (index * step < list.scrollTop) list.scrollTop = index * step;
    else if ((index + 1) * step > list.scrollTop + list.clientHeight) list.scrollTop = (index + 1) * step - list.clientHeight;
    draw();
  }

  function focusAt(index) {
    if (!shown[index]) return;
    reveal(index);
    items.get(shown[index].id)?.focus({ preventScroll: true });
  }

  store.watchAtEase(['images', 'image', 'list'], (state) => {
    const { images, image } = state;
    shown = arranged(state);
    const accepted = images.filter(({ status }) => status === 'accepted').length;
    const unusable = images.filter(({ status }) => status === 'unusable').length;
    const unread = images.filter(({ status }) => status === null).length;
    byId('progress-text').textContent = unread > 0
      ? `Reading: ${images.length - unread} of ${images.length}`
      : `${accepted} of ${images.length} accepted${unusable > 0 ? `, ${unusable} unusable` : ''}`;
    byId('progress-bar').max = Math.max(1, images.length);
    byId('progress-bar').value = accepted + unusable;
    byId('folder').hidden = images.length < 2;
    byId('arranging').hidden = images.length < MANY;
    byId('none-listed').hidden = shown.length > 0;
    const place = images.findIndex(({ id }) => id === image?.id);
    byId('image-name').textContent = image?.name ?? '';
    byId('image-name').title = image?.name ?? '';
    byId('image-place').textContent = place < 0 ? '' : `${place + 1} of ${images.length}`;
    document.title = image ? `${image.name} – IKEM` : 'IKEM';
    draw();
  });
  let opened = null;
  store.watchAtEase(['image', 'list'], (state) => {
    if (state.image?.id === opened) return;
    opened = state.image?.id;
    const index = arranged(state).findIndex(({ id }) => id === opened);
    if (index >= 0) reveal(index);
  });
}

/** Searches, filters and sorts. */
function arranging(store) {
  const [search, filter, order] = ['list-search', 'list-filter', 'list-order'].map(byId);
  const change = () => store.set({ list: { search: search.value, filter: filter.value, order: order.value } });
  search.addEventListener('input', change);
  for (const choice of [filter, order]) choice.addEventListener('change', change);
  store.watch(['list'], ({ list }) => {
    if (search.value !== list.search) search.value = list.search;
    [filter.value, order.value] = [list.filter, list.order];
  });
}

function item({ id, name }, open) {
  const picture = element('img', { alt: '', draggable: 'false' });
  load(picture, api.thumbnail(id));
  const badge = element('span', { class: 'badge' });
  return element('li', { role: 'option', title: name, onclick: open },
    element('span', { class: 'frame' }, picture, badge), element('span', { class: 'name' }, name));
}

function update(made, { name, status, clicks, degrees, unsure }, current) {
  made.setAttribute('aria-selected', String(current));
  if (made.dataset.status !== String(status)) {
    made.dataset.status = String(status);
    made.querySelector('.badge').replaceChildren(...(status === 'accepted' ? [icon('accept')] : status === 'unusable' ? [icon('remove')] : []));
  }
  const work = clicks > 0 ? `, ${clicks} ${clicks === 1 ? 'click' : 'clicks'}` : '';
  const angle = degrees === null ? '' : `, ${degrees.toFixed(0)}°`;
  const doubt = unsure > 0 ? `, ${unsure} unsure` : '';
  const told = `${STATUS[status] ?? 'being read'}${work}${angle}${doubt}`;
  made.setAttribute('aria-label', `${name}, ${told}`);
  made.title = `${name}: ${told}`;
}

const waiting = [];
let loading = 0;

/** Loads a small picture when it is its turn; the last one asked for is the first. */
function load(picture, address) {
  waiting.push({ picture, address });
  loadNext();
}

function loadNext() {
  while (loading < LOADING && waiting.length > 0) {
    const { picture, address } = waiting.pop();
    loading += 1;
    picture.onload = picture.onerror = () => {
      loading -= 1;
      setTimeout(loadNext);
    };
    picture.src = address;
  }
}
