// Buttons that do a command: their tooltips tell its keys, and they know whether it makes sense.

import { COMMANDS, run, shownKey } from './commands.js';

export function connect(app) {
  const byId = new Map(COMMANDS.map((command) => [command.id, command]));
  const buttons = [...document.querySelectorAll('[data-command]')].map((button) => {
    const command = byId.get(button.dataset.command);
    describe(button, command);
    button.addEventListener('click', () => {
      run(app, command);
      // So that arrow keys move the point that was chosen.
      if (command.toFilm) document.getElementById('film').focus({ preventScroll: true });
    });
    return { button, command };
  });
  const parts = ['image', 'images', 'chosen', 'moving', 'shown', 'tone', 'tool', 'matching', 'offline', 'loading', 'opening'];
  app.store.watchAtEase(parts, (state) => {
    for (const { button, command } of buttons) {
      if (command.enabled) button.disabled = !command.enabled(state, app);
      if (command.pressed) button.setAttribute('aria-pressed', String(Boolean(command.pressed(state))));
    }
  });
}

function describe(button, { keys, text }) {
  const key = keys.length > 0 ? ` (${shownKey(keys[0]).join(' ')})` : '';
  button.title = text + key;
  if (!button.textContent.trim()) button.setAttribute('aria-label', text);
  const shortcut = keys.map((name) => name.replace('Ctrl', 'Control')).join(' ');
  if (shortcut) button.setAttribute('aria-keyshortcuts', shortcut);
}
