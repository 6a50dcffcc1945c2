// The actions on the image in order: a click goes back to what one led to, or forth again.

import { byId, element } from '../element.js';

export function connect({ store, annotation }) {
  const list = byId('step-list');
  store.watchAtEase(['image'], ({ image }) => {
    const steps = image?.steps ?? [];
    const held = list.contains(document.activeElement);
    list.replaceChildren(...steps.map((words, step) => line(words, step, image.step, () => annotation.goTo(step))));
    const current = list.querySelector('[aria-current]');
    if (held) current?.focus();
    // Scrolls the list alone, and only where it is in sight.
    if (current && list.offsetParent) list.scrollTop = current.offsetTop - list.offsetTop - list.clientHeight / 2;
  });
}

function line(words, step, present, go) {
  const text = words ?? (step === 0 ? 'First prediction' : 'Earlier action');
  const undone = step > present;
  return element('li', {}, element('button', { class: 'line', 'aria-current': step === present ? 'step' : null, 'data-undone': undone, onclick: go },
    text, ...(undone ? [element('span', { class: 'quiet' }, 'undone')] : [])));
}
