// The page's state: one plain object, replaced part by part, and those who want to hear of it.

export class Store {
  #state;
  #watchers = [];

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
}
