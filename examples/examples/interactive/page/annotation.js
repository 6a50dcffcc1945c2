// The image being annotated: what a person does to its points, in the order in which they do it.
//
// A point on its way (dragged, or moved by keys) is `moving` in the store until the server's answer is in. Previews are
// asked one at a time, always for the newest place; actions that change something wait for each other.

import * as api from './api.js';
import { isFar, isOnEdge } from './distance.js';
import { afterFrame } from './frame.js';
import { listed } from './list.js';
import { movedPoints, placeOf, turned, whatMoves, within } from './moving.js';
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
    addEventListener('pagehide', () => this.#leave());
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

  /** Commits what keys are moving while the page goes away; nobody is there to see the answer. */
  #leave() {
    const { moving, image, busy } = this.#state;
    clearTimeout(this.#nudgeTimer);
    if (!moving?.byKeys || moving.released) return;
    // The answer of an action before it brings a revision that is not known yet.
    const seen = busy ? undefined : this.#revisions.get(image.id);
    api.actAtLast(image.id, 'place', { points: movedPoints(this.#state), seconds: this.#stopwatch.take() }, seen);
    this.#store.set({ moving: null });
  }

  /** Chooses a point, or none; a point still moved by keys is committed first. The next click puts the chosen point there. */
  choose(index) {
    if (index !== this.#state.chosen) this.settle();
    this.#store.set({ chosen: index, armed: index !== null });
  }

  /** Selects points: whichever of them is moved takes the others with it. */
  select(points) {
    this.settle();
    this.#store.set({ selected: points, armed: false });
  }

  /**
   * Begins to move a point: it follows `move` until `release` or `cancel`. `others` are points that go with it, for which nothing
   * is asked before it is released. With a `center`, all of them follow `rotate` instead.
   */
  grab(index, byKeys = false, others = [], center = null) {
    this.settle();
    const { opening, image, moving: before } = this.#state;
    if (opening !== null) return;
    const committing = before?.released && !before.asking;
    if (committing && others.length > 0) {
      // Several points go together from where the server says that they are.
      this.#store.set({ message: 'Still saving the last move' });
      return;
    }
    const goes = committing && [before.index, ...before.others].includes(index);
    const start = goes ? placeOf(before, image, index) : image.keypoints[index];
    const moving = { index, x: start.x, y: start.y, start, others, center, degrees: 0, byKeys, preview: null, released: false, asking: false };
    // Once it has moved, clicks mean nothing until a point is chosen again.
    this.#store.set({ chosen: index, armed: false, moving });
  }

  /** Turns the grabbed points about their middle: so many degrees from where they were, clockwise on the film. */
  rotate(degrees) {
    const { moving, image } = this.#state;
    if (moving?.center && !moving.released) this.#store.set({ moving: turned(moving, image, degrees) });
  }

  /** Moves the grabbed point to a place on the image and asks what the others would do. */
  move(place) {
    const { moving, image } = this.#state;
    if (!moving || moving.released) return;
    this.#store.set({ moving: { ...moving, ...within(place, image) } });
    if (moving.others.length === 0) this.#preview();
  }

  /** Puts the grabbed point where it is. Resolves when the others have moved. */
  release() {
    const { moving, image } = this.#state;
    clearTimeout(this.#nudgeTimer);
    if (!moving || moving.released) return Promise.resolve();
    const { x, y } = moving.start;
    if (moving.x === x && moving.y === y) {
      this.#store.set({ armed: !moving.byKeys });
      return this.cancel();
    }
    const far = (point) => isFar(this.#state.skeleton, image.keypoints, point);
    const asking = !moving.byKeys && movedPoints(this.#state).some(far);
    this.#store.set({ moving: { ...moving, released: true, asking } });
    return asking ? Promise.resolve() : this.#commit(moving);
  }

  /** Commits a move that was so long that the person was asked. */
  confirm() {
    const { moving } = this.#state;
    if (!moving?.asking) return Promise.resolve();
    this.#store.set({ moving: { ...moving, asking: false } });
    return this.#commit(moving);
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
    if (!moving) return Promise.resolve();
    this.#store.set({ moving: { ...moving, ...within(place, image) } });
    return this.release();
  }

  /** Moves the chosen point, and `others` with it, by so many pixels of the image; committed after a pause. */
  nudge(dx, dy, others = []) {
    const { chosen, moving } = this.#state;
    if (chosen === null) return;
    if (!goesOn(moving, chosen, others) || moving.center) this.grab(chosen, true, others);
    if (!this.#state.moving) return;
    const { x, y } = this.#state.moving;
    this.move({ x: x + dx, y: y + dy });
    this.#commitAfterPause();
  }

  /** Turns the chosen point and `others` about a place by so many degrees; committed after a pause. */
  nudgeTurn(degrees, others, center) {
    const { chosen, moving } = this.#state;
    if (chosen === null) return;
    if (!goesOn(moving, chosen, others) || !moving.center) this.grab(chosen, true, others, center);
    if (!this.#state.moving) return;
    this.rotate(this.#state.moving.degrees + degrees);
    this.#commitAfterPause();
  }

  #commitAfterPause() {
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

  /** Says that points are right where they are: from now on they are corrections like any other. */
  confirmPoints(keypoints) {
    const { image } = this.#state;
    const points = keypoints
      .filter((keypoint) => !image.keypoints[keypoint].hinted)
      .map((keypoint) => ({ keypoint, ...within(image.keypoints[keypoint], image) }));
    if (points.length === 0) return Promise.resolve();
    const what = points.length === 1 ? this.#name(points[0].keypoint) : `${points.length} points`;
    return this.#change('place', { points }, `${what} confirmed`);
  }

  /** Says that points are visible on the film, or are not. */
  see(keypoints, visible) {
    const what = keypoints.length === 1 ? this.#name(keypoints[0]) : this.#name(keypoints[0]).split('-')[0];
    return this.#change('see', { keypoints, visible }, `${what} is ${visible ? 'visible' : 'not visible'}`);
  }

  /** Fixes the end vertebrae of curves: all that are fixed from now on. */
  fixEnds = (ends) => this.#change('ends', { ends }, 'End vertebrae set', false);
  /** Says that the film cannot be used, for a reason; or, with null, that it can. */
  reject = (because) => this.#change('reject', { because }, because === null ? 'The film can be used' : 'Marked as unusable', false);
  /** Keeps what was measured: all that is to be kept from now on. */
  async measure(measures) {
    await this.#change('say', { measures }, 'Measured', false);
    this.#store.set({ measuring: null });
  }
  /** Says something of the film: a `remark`, or from where it is `seen_from`. */
  say = (said) => this.#change('say', said, 'Noted', false);

  undo = () => this.#change('undo', {}, 'Undone');
  redo = () => this.#change('redo', {}, 'Redone');
  /** Goes back, or forth again, to the state with so many before it. */
  goTo = (step) => this.#change('goto', { step }, step < this.#state.image.step ? 'Went back' : 'Went forth');
  reset = () => this.#change('reset', {}, 'All corrections removed');
  predict = () => this.#change('predict', {}, 'Predicted again');
  accept = () => {
    const accepted = this.#state.image.status !== 'accepted';
    return this.#change('accept', { accepted }, accepted ? 'Accepted' : 'No longer accepted');
  };
  find = () => this.#change('find', {}, 'Searched for the spine again');
  whole = () => this.#change('whole', {}, 'The network sees the whole film');
  turn = (turns) => this.#change('turn', { turns }, turns > 0 ? 'Turned right' : 'Turned left');
  /** Mirrors the film; tells when the patient's sides change places by that. */
  async mirror() {
    const done = await this.#change('mirror', {}, 'Mirrored', false);
    if (done?.answer.mirrored_since) this.#store.set({ alert: 'The film was mirrored after it was said from where it is seen: the patient’s left and right have changed places. Check “Seen from” in the panel Film.' });
  }
  invert = () => this.#change('invert', {}, this.#state.image.view.negative ? 'Not a negative' : 'A negative');
  /** Has the network see the film in a frame. */
  frame = ({ center, width, height, degrees, mirrored }) =>
    this.#change('view', { frame: { center, width, height, degrees, mirrored } }, 'Frame set');
  remove = (keypoint) =>
    this.#change('remove', { keypoint }, `Correction of ${this.#name(keypoint)} removed`);
  /** Moves all names by so many vertebrae; tells when the one that is new lies off the film. */
  async shift(by) {
    const done = await this.#change('shift', { by }, by > 0 ? 'Levels renamed downwards' : 'Levels renamed upwards', false);
    if (!done) return;
    const { skeleton } = this.#state;
    const { name, corners } = skeleton.vertebrae.at(by > 0 ? 0 : -1);
    const onEdge = (index) => isOnEdge(done.answer.keypoints[index], done.answer);
    if (corners.some(onEdge)) this.#store.set({ alert: `${name} is new and reaches beyond the film: place its corners, or mark it as not visible.` });
  }
  import = (file, sure = false) => this.#change('import', { file, sure }, 'Imported');

  #name(index) {
    return this.#state.skeleton.names[index];
  }

  async #commit(moving) {
    const { index, x, y, others } = moving;
    const released = performance.now();
    const done = others.length === 0
      ? await this.#change('revise', { keypoint: index, x, y }, `${this.#name(index)} corrected`)
      : await this.#change('place', { points: movedPoints(this.#state) }, whatMoves(moving, this.#state.skeleton));
    if (done) afterFrame((drawn) => note(released, drawn, done.networkMs));
  }

  /** Does one action after those before it, and shows its answer. */
  #change(action, body, message, ghosts = true) {
    if (action !== 'revise' && action !== 'place') this.settle();
    const { image, opening } = this.#state;
    // While another film is being opened, nothing is meant for the one that is still shown.
    if (!image || (opening !== null && opening !== image.id && !this.#state.moving?.released)) return Promise.resolve();
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
        ? await api.importFile(id, body.file, seen, body.sure)
        : await api.act(id, action, { ...body, seconds: this.#stopwatch.take() }, seen);
      this.#show(done.answer, handed, ghosts);
      this.#store.set({ message });
      return done;
    } catch (error) {
      if (this.#state.moving === handed) this.#store.set({ moving: null });
      if (error.kind === 'stale') await this.#catchUp(id);
      else if (error.kind === 'other_film') this.#store.set({ otherFilm: { file: body.file, why: error.message } });
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
    const { id, revision } = answer;
    this.#revisions.set(id, revision);
    const entry = (entry) => (entry.id === id ? { ...entry, ...listed(answer) } : entry);
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

/** Whether keys are moving just these points. */
const goesOn = (moving, index, others) =>
  moving?.byKeys && !moving.released && moving.index === index && moving.others.length === others.length;

const moved = (before, after) => after.some(({ x, y }, index) => x !== before[index].x || y !== before[index].y);
