// The overlay that shows all keys.

import { GROUPS, shownKey } from './commands.js';
import { byId, element } from './element.js';

/** Fills the overlay. Returns how to open and close it. */
export function connect(app) {
  const dialog = byId('help');
  const shown = ([title, commands]) => {
    const lines = commands.filter(({ hidden, keys }) => !hidden && keys.length > 0);
    return element('section', {}, element('h3', {}, title), element('dl', {}, ...lines.flatMap(line)));
  };
  byId('help-keys').append(...GROUPS.map(shown));
  const letters = byId('letters');
  letters.checked = app.store.state.letters;
  letters.addEventListener('change', () => app.store.set({ letters: letters.checked }));
  dialog.addEventListener('click', (event) => event.target === dialog && dialog.close());
  return () => (dialog.open ? dialog.close() : dialog.showModal());
}

function line({ id, keys: [key], text }) {
  const arrows = id.startsWith('nudge') || id.startsWith('leap') ? key.replace('ArrowUp', '↑ ↓ ← →') : key;
  return [element('dt', {}, ...shownKey(arrows).map((part) => element('kbd', {}, part))), element('dd', {}, text)];
}
