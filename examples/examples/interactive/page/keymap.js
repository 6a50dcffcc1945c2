// Which keys do what: as the commands list them, or as the person changed them. The browser keeps the changes.

import { COMMANDS } from './commands.js';
import { keep, kept } from './settings.js';

const FORMAT = 'ikem-keys-1';
const MOST_KEYS = 4;
/** Keys that stay what they are: the way out, and what browsers do not hand over. */
const FIXED = new Set(['Escape', ' ', 'F5', 'F11', 'F12', 'Ctrl+W', 'Ctrl+T', 'Ctrl+N', 'Ctrl+R', 'Ctrl+Shift+R', 'Ctrl+Tab', 'Ctrl+Shift+W', 'Ctrl+Shift+T', 'Ctrl+Shift+N', 'Alt+F4']);
const KEY = /^(?:Ctrl\+)?(?:Alt\+)?(?:Shift\+)?(?:[^\s\p{C}]|[A-Z][A-Za-z0-9]{1,20})$/u;

const changeable = (command) => command.keys.length > 0 && command.id !== 'release';
const commandOf = new Map(COMMANDS.map((command) => [command.id, command]));

/** A key that cannot be given to a command; `message` tells why. */
export class KeyError extends Error {}

export class Keymap {
  #changed = {};
  #byKey = new Map();
  #watchers = [];

  constructor() {
    try {
      this.#take(kept('keys', { changed: {} }).changed);
    } catch {
      // What cannot be used was kept by another version: the keys are as the commands list them.
      this.#take({});
    }
  }

  /** The keys of a command, the first one to be shown. */
  keysOf(command) {
    return this.#changed[command.id] ?? command.keys;
  }

  /** The command of a key, or none. */
  commandOf(key) {
    return this.#byKey.get(key);
  }

  /** Whether the keys of a command can be changed. */
  canChange = changeable;

  /** Whether any key was changed. */
  get isChanged() {
    return Object.keys(this.#changed).length > 0;
  }

  /** Calls `watcher` now and after each change. */
  watch(watcher) {
    this.#watchers.push(watcher);
    watcher();
  }

  /** Gives a command one key in place of all it has. */
  give(command, key) {
    this.#change({ ...this.#changed, [command.id]: [key] });
  }

  /** All keys as the commands list them. */
  reset() {
    this.#change({});
  }

  /** All keys as the text of a file. */
  toFile() {
    const keys = Object.fromEntries(COMMANDS.filter(changeable).map((command) => [command.id, this.keysOf(command)]));
    return `${JSON.stringify({ format: FORMAT, keys }, null, 2)}\n`;
  }

  /** Takes the keys of a file's text; all of them, or none where one cannot be. */
  fromFile(text) {
    let file;
    try {
      file = JSON.parse(text);
    } catch {
      throw new KeyError('The file is not JSON.');
    }
    if (file?.format !== FORMAT || typeof file.keys !== 'object' || file.keys === null) throw new KeyError(`The file holds no keys of this page (format ${FORMAT}).`);
    const same = ([id, keys]) => JSON.stringify(keys) === JSON.stringify(commandOf.get(id)?.keys);
    this.#change(Object.fromEntries(Object.entries(file.keys).filter((entry) => !same(entry))));
  }

  #change(changed) {
    this.#take(changed);
    keep('keys', { changed: this.#changed });
    for (const watcher of this.#watchers) watcher();
  }

  /** Takes changes if no key is of two commands. */
  #take(changed) {
    for (const [id, keys] of Object.entries(changed)) checkKeys(id, keys);
    const byKey = new Map();
    for (const command of COMMANDS) {
      for (const key of changed[command.id] ?? command.keys) {
        const other = byKey.get(key);
        if (other) throw new KeyError(`${shownKey(key).join(' ')} is the key of “${other.text}” already; “${command.text}” needs another one.`);
        byKey.set(key, command);
      }
    }
    [this.#changed, this.#byKey] = [changed, byKey];
  }
}

function checkKeys(id, keys) {
  const command = commandOf.get(id);
  if (!command || !changeable(command)) throw new KeyError(`There is no action “${id}” whose keys can be changed.`);
  if (!Array.isArray(keys) || keys.length === 0 || keys.length > MOST_KEYS) throw new KeyError(`“${command.text}” needs one to ${MOST_KEYS} keys.`);
  for (const key of keys) {
    if (typeof key !== 'string' || !KEY.test(key)) throw new KeyError(`${JSON.stringify(key)} is no key.`);
    if (FIXED.has(key)) throw new KeyError(`${key === ' ' ? 'Space' : shownKey(key).join(' ')} cannot be changed: this page or the browser needs it.`);
  }
}

/** The name of what was pressed, as commands list it. */
export function nameOf(event) {
  const letter = event.key.length === 1;
  const name = letter ? event.key.toUpperCase() : event.key;
  const shifted = event.shiftKey && (!letter || /[A-Z]/.test(name));
  // AltGr, which some keyboards need for brackets, looks like Ctrl and Alt.
  const plain = event.getModifierState('AltGraph');
  const control = !plain && (event.ctrlKey || event.metaKey);
  const parts = [control && 'Ctrl', !plain && event.altKey && 'Alt', shifted && 'Shift', name];
  return parts.filter(Boolean).join('+');
}

/** How a key is shown: `Ctrl+ArrowUp` as `Ctrl ↑`. */
export function shownKey(key) {
  const names = { ArrowUp: '↑', ArrowDown: '↓', ArrowLeft: '←', ArrowRight: '→', PageUp: 'Page ↑', PageDown: 'Page ↓', Escape: 'Esc', Delete: 'Del', '-': '−' };
  return key.split(/(?<=.)\+/).map((part) => names[part] ?? part);
}
