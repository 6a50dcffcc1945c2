// The overlay that shows all keys, and changes them.

import { GROUPS } from './commands.js';
import { byId, element } from './element.js';
import { nameOf, shownKey } from './keymap.js';

/** Fills the overlay. Returns how to open and close it. */
export function connect(app) {
  const { keymap, store } = app;
  const dialog = byId('help');
  const editor = new KeyEditor(keymap);
  keymap.watch(() => editor.show());
  const letters = byId('letters');
  letters.checked = store.state.letters;
  letters.addEventListener('change', () => store.set({ letters: letters.checked }));
  dialog.addEventListener('click', (event) => event.target === dialog && dialog.close());
  dialog.addEventListener('close', () => editor.edit(false));
  // Before all others: the key that is pressed is given to a command, and does nothing.
  dialog.addEventListener('keydown', (event) => editor.take(event), { capture: true });
  dialog.addEventListener('cancel', (event) => editor.isWaiting && event.preventDefault());
  return () => (dialog.open ? dialog.close() : dialog.showModal());
}

/** The list of keys, as it is shown and changed. */
class KeyEditor {
  #keymap;
  #editing = false;
  /** The command that waits for its key. */
  #waiting = null;
  #change = byId('keys-change');

  constructor(keymap) {
    this.#keymap = keymap;
    this.#change.addEventListener('click', () => this.edit(!this.#editing));
    byId('keys-reset').addEventListener('click', () => this.#try(() => keymap.reset(), 'All keys are as they were at first.'));
    byId('keys-export').addEventListener('click', () => this.#export());
    byId('keys-import').addEventListener('click', () => byId('keys-file').click());
    byId('keys-file').addEventListener('change', async ({ target }) => {
      const [file] = target.files;
      const text = await file?.text();
      target.value = '';
      if (text !== undefined) this.#try(() => keymap.fromFile(text), `Keys of ${file.name} are in use.`);
    });
  }

  get isWaiting() {
    return this.#waiting !== null;
  }

  /** Shows the keys so that they can be changed, or no longer. */
  edit(on) {
    [this.#editing, this.#waiting] = [on, null];
    this.#say(on ? 'Press the button of an action, then its new key.' : '');
    this.show();
  }

  show() {
    this.#change.setAttribute('aria-pressed', String(this.#editing));
    byId('keys-reset').disabled = !this.#keymap.isChanged;
    const held = document.activeElement?.dataset?.keysOf;
    byId('help-keys').replaceChildren(...GROUPS.map((group) => this.#section(group)));
    if (held) byId('help-keys').querySelector(`[data-keys-of="${held}"]`)?.focus();
  }

  /** A key that is pressed while a command waits for one. */
  take(event) {
    if (!this.#waiting || ['Shift', 'Control', 'Alt', 'AltGraph', 'Meta'].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    const command = this.#waiting;
    this.#waiting = null;
    if (event.key === 'Escape') this.#say('Nothing was changed.');
    else this.#try(() => this.#keymap.give(command, nameOf(event)), `“${command.text}” has the key ${shownKey(nameOf(event)).join(' ')}.`);
    this.show();
  }

  #try(change, done) {
    try {
      change();
      this.#say(done);
    } catch (error) {
      this.#say(error.message, true);
    }
  }

  #say(text, wrong = false) {
    byId('keys-told').textContent = text;
    byId('keys-told').classList.toggle('wrong', wrong);
  }

  #export() {
    const address = URL.createObjectURL(new Blob([this.#keymap.toFile()], { type: 'application/json' }));
    element('a', { href: address, download: 'ikem-keys.json' }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  }

  #section([title, commands]) {
    const lines = commands.filter(({ hidden, keys }) => keys.length > 0 && (this.#editing || !hidden));
    return element('section', {}, element('h3', {}, title), element('dl', {}, ...lines.flatMap((command) => this.#line(command))));
  }

  #line(command) {
    const [key] = this.#keymap.keysOf(command);
    const isArrows = command.hidden === false && key === command.keys[0];
    const shown = isArrows && !this.#editing ? key.replace('ArrowUp', '↑ ↓ ← →') : key;
    const keys = shownKey(shown).flatMap((part, at) => [...(at === 0 ? [] : [' ']), element('kbd', {}, part)]);
    if (!this.#editing || !this.#keymap.canChange(command)) return [element('dt', {}, ...keys), element('dd', {}, command.text)];
    const wait = () => {
      this.#waiting = command;
      this.#say(`Press the new key of “${command.text}”; Esc keeps the old one.`);
      this.show();
    };
    const what = element('span', { class: 'unseen' }, ` is the key of “${command.text}”: change it`);
    const seen = this.#waiting === command ? ['…'] : keys;
    const button = element('button', { 'data-keys-of': command.id, onclick: wait }, ...seen, what);
    return [element('dt', {}, button), element('dd', {}, command.text)];
  }
}
