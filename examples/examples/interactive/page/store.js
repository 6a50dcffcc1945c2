// The page's state: one plain object, replaced part by part, and those who want to hear of it.

import { afterFrame } from './frame.js';

export class Store {
  #state;
  #watchers = [];
  #waiting = new Set();

  constructor(initial) {
    this.#state = initial;
  }

  get state() {
    return this.#state;
  }

  /** Replaces the parts named in `patch` and tells who watches one that really changed. */
  set(patch) {
    const changed = Object.keys(patch).filter((key) => !Object.is(this.#state[key], patch[key]));
    if (changed.length === 0) return;
    this.#state = { ...this.#state, ...patch };
    for (const { keys, watcher } of this.#watchers) {
      if (changed.some((key) => keys.has(key))) watcher(this.#state);
    }
  }

  /** Calls `watcher` now and whenever one of `keys` changes. */
  watch(keys, watcher) {
    this.#watchers.push({ keys: new Set(keys), watcher });
    watcher(this.#state);
  }

  /** As `watch`, but after the next frame: what stands beside the film never keeps the film waiting. */
  watchAtEase(keys, watcher) {
    this.watch(keys, () => {
      if (this.#waiting.size === 0) afterFrame(() => setTimeout(() => this.#tellWaiting()));
      this.#waiting.add(watcher);
    });
  }

  #tellWaiting() {
    const watchers = [...this.#waiting];
    this.#waiting.clear();
    for (const watcher of watchers) watcher(this.#state);
  }
}
