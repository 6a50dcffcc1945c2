// Buttons that do a command: their tooltips tell its keys, and they know whether it makes sense.

import { COMMANDS, run } from './commands.js';
import { shownKey } from './keymap.js';

export function connect(app) {
  const byId = new Map(COMMANDS.map((command) => [command.id, command]));
  const buttons = [...document.querySelectorAll('[data-command]')].map((button) => {
    const command = byId.get(button.dataset.command);
    button.addEventListener('click', () => {
      run(app, command);
      // So that arrow keys move the point that was chosen.
      if (command.toFilm) document.getElementById('film').focus({ preventScroll: true });
    });
    return { button, command };
  });
  app.keymap.watch(() => {
    for (const shown of document.querySelectorAll('[data-key-of]')) {
      shown.textContent = shownKey(app.keymap.keysOf(byId.get(shown.dataset.keyOf))[0]).join(' ');
    }
    for (const { button, command } of buttons) describe(button, command, app.keymap.keysOf(command));
  });
  const parts = ['image', 'images', 'chosen', 'selected', 'moving', 'shown', 'tone', 'preset', 'priorId', 'tool', 'matching', 'offline', 'loading', 'opening'];
  app.store.watchAtEase(parts, (state) => {
    for (const { button, command } of buttons) {
      if (command.enabled) button.disabled = !command.enabled(state, app);
      if (command.pressed) button.setAttribute('aria-pressed', String(Boolean(command.pressed(state))));
    }
  });
}

function describe(button, { text }, keys) {
  const key = keys.length > 0 ? ` (${shownKey(keys[0]).join(' ')})` : '';
  button.title = text + key;
  if (!button.textContent.trim()) button.setAttribute('aria-label', text);
  const shortcut = keys.map((name) => name.replace('Ctrl', 'Control')).join(' ');
  if (shortcut) button.setAttribute('aria-keyshortcuts', shortcut);
  else button.removeAttribute('aria-keyshortcuts');
}
