// From keys to commands.

import { COMMANDS, run } from './commands.js';

const byKey = new Map(COMMANDS.flatMap((command) => command.keys.map((key) => [key, command])));
const TYPING = 'input:not([type=range]):not([type=checkbox]), select, textarea';
const PRESSING = 'button, input, select, summary, a';

/** Connects the keyboard. `app.letters()` says whether keys without Ctrl or Alt are on. */
export function listen(app) {
  const film = document.getElementById('film');

  document.addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    if (event.key === ' ' && event.target === film) {
      app.store.set({ panning: true });
      event.preventDefault();
      return;
    }
    if (isPeek(event) && isBare(event) && app.store.state.letters && !event.target.matches?.(TYPING)) {
      app.store.set({ hidden: true });
      event.preventDefault();
      return;
    }
    const command = byKey.get(nameOf(event));
    if (command && allowed(app, command, event, film)) {
      if (run(app, command)) event.preventDefault();
    }
  });
  document.addEventListener('keyup', (event) => {
    if (event.key === ' ') app.store.set({ panning: false });
    if (isPeek(event)) app.store.set({ hidden: false });
  });
  addEventListener('blur', () => app.store.set({ panning: false, hidden: false }));
}

function allowed(app, command, event, film) {
  const { target } = event;
  if (document.querySelector('dialog[open]') && command.id !== 'help') return false;
  if (document.querySelector(':popover-open')) return false;
  if (event.repeat && !command.repeats) return false;
  const inFilm = target === film || target === document.body;
  if (command.film) return inFilm && app.takes(event.key);
  if (target.matches?.(TYPING)) return event.key === 'Escape' || event.key === 'F6';
  if (target.matches?.(PRESSING) && ['Enter', 'PageUp', 'PageDown'].includes(event.key)) {
    return !target.matches('input[type=range]') && (event.key !== 'Enter' || event.ctrlKey);
  }
  return !isBare(event) || event.key === '?' || app.store.state.letters;
}

/** The key that hides all points while it is held. */
const isPeek = ({ key }) => key === 'z' || key === 'Z';
const isBare = (event) => event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey;

/** The name of what was pressed, as commands list it. */
function nameOf(event) {
  const letter = event.key.length === 1;
  const name = letter ? event.key.toUpperCase() : event.key;
  const shifted = event.shiftKey && (!letter || /[A-Z]/.test(name));
  // AltGr, which some keyboards need for brackets, looks like Ctrl and Alt.
  const plain = event.getModifierState('AltGraph');
  const control = !plain && (event.ctrlKey || event.metaKey);
  const parts = [control && 'Ctrl', !plain && event.altKey && 'Alt', shifted && 'Shift', name];
  return parts.filter(Boolean).join('+');
}
