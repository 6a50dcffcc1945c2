// The image being annotated: what a person does to its points, in the order in which they do it.
//
// A point on its way (dragged, or moved by keys) is `moving` in the store until the server's answer is in. Previews are
// asked one at a time, always for the newest place; actions that change something wait for each other.

import * as api from './api.js';
import { isFar } from './distance.js';
import { afterFrame } from './frame.js';
import { Stopwatch } from './stopwatch.js';
import { note } from './timings.js';

/** So long after the last key a point moved by keys is committed. */
const NUDGE_PAUSE_MS = 500;

export class Annotation {
  #store;
  #report;
  #stopwatch = new Stopwatch();
  #queue = Promise.resolve();
  #previewing = false;
  #nudgeTimer = 0;
  /** The newest revision of each image that the page knows. */
  #revisions = new Map();

  /** `report` is told every error. */
  constructor(store, report) {
    this.#store = store;
    this.#report = report;
    store.watch(['image'], ({ image }) => image && this.#revisions.set(image.id, image.revision));
    document.addEventListener('visibilitychange', () => document.hidden && this.reportTime());
  }

  get #state() {
    return this.#store.state;
  }

  /** Reports the time spent on the image so far. */
  reportTime() {
    const { image } = this.#state;
    const seconds = this.#stopwatch.take();
    if (image && seconds > 0) api.reportTime(image.id, seconds);
  }

  /** Chooses a point, or none; a point still moved by keys is committed first. The next click puts the chosen point there. */
  choose(index) {
    if (index !== this.#state.chosen) this.settle();
    this.#store.set({ chosen: index, armed: index !== null });
  }

  /** Begins to move a point: it follows `move` until `release` or `cancel`. */
  grab(index, byKeys = false) {
    this.settle();
    const { x, y } = this.#state.image.keypoints[index];
    const moving = { index, x, y, byKeys, preview: null, released: false, asking: false };
    // Once it has moved, clicks mean nothing until a point is chosen again.
    this.#store.set({ chosen: index, armed: false, moving });
  }

  /** Moves the grabbed point to a place on the image and asks what the others would do. */
  move(place) {
    const { moving, image } = this.#state;
    if (!moving || moving.released) return;
    this.#store.set({ moving: { ...moving, ...within(place, image) } });
    this.#preview();
  }

  /** Puts the grabbed point where it is. Resolves when the others have moved. */
  release() {
    const { moving, image } = this.#state;
    clearTimeout(this.#nudgeTimer);
    if (!moving || moving.released) return Promise.resolve();
    const { x, y } = image.keypoints[moving.index];
    if (moving.x === x && moving.y === y) {
      this.#store.set({ armed: !moving.byKeys });
      return this.cancel();
    }
    const asking = !moving.byKeys && isFar(this.#state.skeleton, image.keypoints, moving);
    this.#store.set({ moving: { ...moving, released: true, asking } });
    return asking ? Promise.resolve() : this.#commit(moving.index, moving);
  }

  /** Commits a move that was so long that the person was asked. */
  confirm() {
    const { moving } = this.#state;
    if (!moving?.asking) return Promise.resolve();
    this.#store.set({ moving: { ...moving, asking: false } });
    return this.#commit(moving.index, moving);
  }

  /** Lets go of the grabbed point: it is where it was. */
  cancel() {
    clearTimeout(this.#nudgeTimer);
    const { moving } = this.#state;
    if (moving && (!moving.released || moving.asking)) this.#store.set({ moving: null });
    return Promise.resolve();
  }

  /** Puts a point at a place at once. */
  place(index, place) {
    this.grab(index);
    const { moving, image } = this.#state;
    this.#store.set({ moving: { ...moving, ...within(place, image) } });
    return this.release();
  }

  /** Moves the chosen point by so many pixels of the image; committed after a pause. */
  nudge(dx, dy) {
    const { chosen, moving } = this.#state;
    if (chosen === null) return;
    if (!moving?.byKeys || moving.released) this.grab(chosen, true);
    const { x, y } = this.#state.moving;
    this.move({ x: x + dx, y: y + dy });
    clearTimeout(this.#nudgeTimer);
    this.#nudgeTimer = setTimeout(() => this.release(), NUDGE_PAUSE_MS);
  }

  /** Commits a point that keys are moving; one that the person was asked about stays where it was. */
  settle() {
    const { moving } = this.#state;
    if (moving?.byKeys) this.release();
    else if (moving?.asking) this.cancel();
  }

  /** Shows the image as the server has it now. */
  async refresh() {
    const { image } = this.#state;
    if (image) this.#show(await api.image(image.id), this.#state.moving, false);
  }

  undo = () => this.#change('undo', {}, 'Undone');
  redo = () => this.#change('redo', {}, 'Redone');
  reset = () => this.#change('reset', {}, 'All corrections removed');
  predict = () => this.#change('predict', {}, 'Predicted again');
  accept = () => {
    const accepted = this.#state.image.status !== 'accepted';
    return this.#change('accept', { accepted }, accepted ? 'Accepted' : 'No longer accepted');
  };
  find = () => this.#change('find', {}, 'Searched for the spine again');
  whole = () => this.#change('whole', {}, 'The network sees the whole film');
  turn = (turns) => this.#change('turn', { turns }, turns > 0 ? 'Turned right' : 'Turned left');
  mirror = () => this.#change('mirror', {}, 'Mirrored', false);
  invert = () => this.#change('invert', {}, this.#state.image.view.negative ? 'Not a negative' : 'A negative');
  /** Has the network see the film in a frame. */
  frame = ({ center, width, height, degrees, mirrored }) =>
    this.#change('view', { frame: { center, width, height, degrees, mirrored } }, 'Frame set');
  remove = (keypoint) =>
    this.#change('remove', { keypoint }, `Correction of ${this.#name(keypoint)} removed`);
  shift = (by) => this.#change('shift', { by }, by > 0 ? 'Levels renamed downwards' : 'Levels renamed upwards', false);
  import = (file) => this.#change('import', file, 'Imported');

  #name(index) {
    return this.#state.skeleton.names[index];
  }

  async #commit(index, { x, y }) {
    const released = performance.now();
    const done = await this.#change('revise', { keypoint: index, x, y }, `${this.#name(index)} corrected`);
    if (done) afterFrame((drawn) => note(released, drawn, done.networkMs));
  }

  /** Does one action after those before it, and shows its answer. */
  #change(action, body, message, ghosts = true) {
    if (action !== 'revise') this.settle();
    const { image } = this.#state;
    if (!image) return Promise.resolve();
    const turn = this.#queue.then(() => this.#perform(image.id, action, body, message, ghosts));
    this.#queue = turn;
    return turn;
  }

  async #perform(id, action, body, message, ghosts) {
    const { moving: handed, framing } = this.#state;
    const seen = this.#revisions.get(id);
    this.#store.set({ busy: true, pending: performance.now(), waited: 0 });
    try {
      // What is imported is a file's content and nothing else.
      const done = action === 'import'
        ? await api.importFile(id, body, seen)
        : await api.act(id, action, { ...body, seconds: this.#stopwatch.take() }, seen);
      this.#show(done.answer, handed, ghosts);
      this.#store.set({ message });
      return done;
    } catch (error) {
      if (this.#state.moving === handed) this.#store.set({ moving: null });
      if (error.kind === 'stale') await this.#catchUp(id);
      else this.#report(error);
      return null;
    } finally {
      // A frame changed again meanwhile stays in the hand.
      if (this.#state.framing === framing) this.#store.set({ framing: null });
      this.#store.set({ busy: false, pending: null });
    }
  }

  /** Shows what another window made of an image, in place of a change that was made for an older state. */
  async #catchUp(id) {
    try {
      const answer = await api.image(id);
      this.#show(answer, null, true);
      this.#store.set({ alert: `${answer.name} was changed in another window. It is shown as it is now; your last change was not made.` });
    } catch (error) {
      this.#report(error);
    }
  }

  /** Shows an answer, unless another image is on screen by now. */
  #show(answer, handed, ghosts) {
    const { image, images, moving } = this.#state;
    const { id, status, clicks, seconds, revision } = answer;
    this.#revisions.set(id, revision);
    const entry = (entry) => (entry.id === id ? { ...entry, status, clicks, seconds } : entry);
    this.#store.set({ images: images.map(entry) });
    if (image?.id !== id) return;
    this.#store.set({
      image: answer,
      ghosts: ghosts && moved(image.keypoints, answer.keypoints) ? image.keypoints : null,
      // A point grabbed meanwhile stays in the hand.
      moving: moving === handed ? null : moving,
    });
  }

  async #preview() {
    if (this.#previewing) return;
    this.#previewing = true;
    try {
      let asked = null;
      for (;;) {
        const { moving, image } = this.#state;
        if (!moving || moving.released || (asked && moving.x === asked.x && moving.y === asked.y)) break;
        asked = moving;
        const { index, x, y } = moving;
        const { answer } = await api.act(image.id, 'preview', { keypoint: index, x, y });
        const now = this.#state.moving;
        if (answer.overtaken || !now || now.released || now.index !== index) continue;
        this.#store.set({ moving: { ...now, preview: answer } });
      }
    } catch (error) {
      this.cancel();
      this.#report(error);
    } finally {
      this.#previewing = false;
    }
  }
}

/** The place, or the nearest one on the image. */
function within({ x, y }, { width, height }) {
  const inside = (value, extent) => Math.min(extent - 1, Math.max(0, value));
  return { x: inside(x, width), y: inside(y, height) };
}

const moved = (before, after) => after.some(({ x, y }, index) => x !== before[index].x || y !== before[index].y);
