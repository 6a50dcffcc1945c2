// From keys to commands.

import { run } from './commands.js';
import { nameOf } from './keymap.js';

const TYPING = 'input:not([type=range]):not([type=checkbox]), select, textarea';
const PRESSING = 'button, input, select, summary, a';

/** Connects the keyboard. `app.keymap` says which key does what, `letters` of the store whether keys without Ctrl or Alt are on. */
export function listen(app) {
  const film = document.getElementById('film');
  /** The key that hides all points while it is held, as it was pressed. */
  let peeking = null;

  document.addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    if (event.key === ' ' && event.target === film) {
      app.store.set({ panning: true });
      event.preventDefault();
      return;
    }
    const command = app.keymap.commandOf(nameOf(event));
    if (!command) return;
    if (command.id === 'peek' && event.repeat && peeking) event.preventDefault();
    else if (allowed(app, command, event, film)) {
      if (command.id === 'peek') peeking = event.code;
      if (run(app, command)) event.preventDefault();
    }
  });
  document.addEventListener('keyup', (event) => {
    if (event.key === ' ') app.store.set({ panning: false });
    if (event.code === peeking) {
      peeking = null;
      app.store.set({ hidden: false });
    }
  });
  addEventListener('blur', () => {
    peeking = null;
    app.store.set({ panning: false, hidden: false });
  });
}

function allowed(app, command, event, film) {
  const { target } = event;
  if (document.querySelector('dialog[open]') && command.id !== 'help') return false;
  if (document.querySelector(':popover-open')) return false;
  if (event.repeat && !command.repeats) return false;
  const inFilm = target === film || target === document.body;
  if (command.film) return inFilm && app.takes(event.key);
  if (target.matches?.(TYPING)) return command.id === 'release' || command.id === 'nextRegion';
  if (target.matches?.(PRESSING) && ['Enter', 'PageUp', 'PageDown'].includes(event.key)) {
    return !target.matches('input[type=range]') && (event.key !== 'Enter' || event.ctrlKey);
  }
  return !isBare(event) || command.id === 'help' || app.store.state.letters;
}

const isBare = (event) => event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey;
