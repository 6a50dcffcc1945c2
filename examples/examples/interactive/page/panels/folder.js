// The images of the folder with their status, and how far the work is.

import * as api from '../api.js';
import { byId, element, icon } from '../element.js';

const STATUS = { untouched: 'untouched', in_work: 'in progress', accepted: 'accepted', unusable: 'unusable' };

export function connect({ store, workplace }) {
  const list = byId('thumbnails');
  const items = new Map();

  list.addEventListener('keydown', (event) => {
    const all = [...list.children];
    const at = all.indexOf(document.activeElement);
    const ways = { ArrowUp: -1, ArrowDown: 1, Home: -at, End: all.length - 1 - at };
    if (at >= 0 && (event.key === 'Enter' || event.key === ' ')) all[at].click();
    else if (at >= 0 && event.key in ways) all[at + ways[event.key]]?.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  store.watchAtEase(['images', 'image'], ({ images, image }) => {
    for (const entry of images) {
      if (!items.has(entry.id)) items.set(entry.id, item(entry, () => workplace.open(entry.id)));
      update(items.get(entry.id), entry, entry.id === image?.id);
    }
    const wanted = images.map(({ id }) => items.get(id));
    if (wanted.some((made, index) => list.children[index] !== made)) list.replaceChildren(...wanted);
    const accepted = images.filter(({ status }) => status === 'accepted').length;
    const unusable = images.filter(({ status }) => status === 'unusable').length;
    byId('progress-text').textContent = `${accepted} of ${images.length} accepted${unusable > 0 ? `, ${unusable} unusable` : ''}`;
    byId('progress-bar').max = Math.max(1, images.length);
    byId('progress-bar').value = accepted + unusable;
    byId('folder').hidden = images.length < 2;
    const place = images.findIndex(({ id }) => id === image?.id);
    byId('image-name').textContent = image?.name ?? '';
    byId('image-name').title = image?.name ?? '';
    byId('image-place').textContent = place < 0 ? '' : `${place + 1} of ${images.length}`;
    document.title = image ? `${image.name} – IKEM` : 'IKEM';
  });
  store.watchAtEase(['image'], ({ image }) => {
    const current = items.get(image?.id);
    if (current && current.getAttribute('aria-selected') === 'true') current.scrollIntoView({ block: 'nearest' });
  });
}

function item({ id, name }, open) {
  const picture = element('img', { src: api.thumbnail(id), alt: '', loading: 'lazy', draggable: 'false' });
  const badge = element('span', { class: 'badge' });
  return element('li', { role: 'option', title: name, onclick: open },
    element('span', { class: 'frame' }, picture, badge), element('span', { class: 'name' }, name));
}

function update(made, { name, status, clicks }, current) {
  made.setAttribute('aria-selected', String(current));
  made.tabIndex = current ? 0 : -1;
  if (made.dataset.status !== status) {
    made.dataset.status = status;
    made.querySelector('.badge').replaceChildren(...(status === 'accepted' ? [icon('accept')] : status === 'unusable' ? [icon('remove')] : []));
  }
  const work = clicks > 0 ? `, ${clicks} ${clicks === 1 ? 'click' : 'clicks'}` : '';
  made.setAttribute('aria-label', `${name}, ${STATUS[status]}${work}`);
  made.title = `${name}: ${STATUS[status]}${work}`;
}
