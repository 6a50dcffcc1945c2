// Whether the server still answers, and how long a change has been waiting for its answer.

import * as api from './api.js';

const BEAT_MS = 2000;
const PATIENCE_MS = 3000;
const AGAIN_MS = 300;
const TICK_MS = 500;

/** Asks the server again and again, and counts the seconds that something has been waited for. */
export function connect({ store, annotation, report }) {
  let silentSince = null;
  let failed = false;

  setInterval(() => {
    const seconds = (since) => (since === null ? 0 : Math.floor((performance.now() - since) / 1000));
    store.set({ waited: seconds(store.state.pending), silent: seconds(silentSince) });
  }, TICK_MS);

  const beat = async () => {
    const asked = performance.now();
    let pause = BEAT_MS;
    try {
      await api.status(PATIENCE_MS);
      [silentSince, failed] = [null, false];
      // What could not be saved is tried again by the server: it may be saved by now.
      if (store.state.image?.save_error && store.state.pending === null) await annotation.refresh();
    } catch (error) {
      if (error.kind === 'silent') silentSince ??= asked;
      else if (error.kind === 'offline') {
        silentSince = null;
        // A connection that was left idle may break although the server is there.
        if (failed) report(error);
        else pause = AGAIN_MS;
        failed = !failed;
      }
    }
    setTimeout(beat, pause);
  };
  setTimeout(beat, BEAT_MS);
}
