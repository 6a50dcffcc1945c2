// The folder of images, the network and the reference: what the person works with.

import * as api from './api.js';
import { arranged } from './list.js';

const POLL_MS = 250;
const RECONNECT_MS = 1000;
/** So often the list is read while the server still reads what was done; less often the longer it takes. */
const FILL_MS = [300, 3000];
/** So often the list is read while images are predicted ahead. */
const AHEAD_MS = 2000;

/** How many files that were left out are named; the others are counted. */
const NAMED = 3;
/** How many images that cannot be opened are tried before the page waits for the person. */
const MOST_BROKEN = 20;

/** The first lines, and how many more there are. */
function some(lines) {
  const more = lines.length > NAMED ? [`and ${lines.length - NAMED} more`] : [];
  return [...lines.slice(0, NAMED), ...more].join('; ');
}

const told = (leftOut, all) => (all === 1 ? leftOut[0] : `${leftOut.length} of ${all} files left out: ${some(leftOut)}`);

const pause = (milliseconds) => new Promise((resume) => setTimeout(resume, milliseconds));

export class Workplace {
  #store;
  #annotation;
  #report;
  #opening = 0;
  #filling = 0;
  #following = 0;

  constructor(store, annotation, report) {
    this.#store = store;
    this.#annotation = annotation;
    this.#report = report;
  }

  get #state() {
    return this.#store.state;
  }

  /** Reads what there is, waits for the network and opens the image that was open last. */
  async start() {
    const notes = await this.#refresh();
    await this.#modelReady();
    const wanted = Number(location.hash.slice(1));
    this.#fillIn();
    this.#followAhead();
    const first = await this.#first(wanted);
    const broken = first ? await this.#openFirst(this.#state.images.findIndex(({ id }) => id === first.id)) : [];
    if (!first) this.#store.set({ loading: null, message: 'Open a radiograph, or drop one here' });
    const { alert } = this.#state;
    // Not the error of an image alone, nor the notes alone: each would hide the other.
    const alerts = [some(broken), first && alert, ...notes].filter(Boolean);
    if (alerts.length > 0) this.#store.set({ alert: alerts.join(' – ') });
  }

  /** Opens the image at a place of the folder or, where it cannot be opened, the next one; returns why the others could not. */
  async #openFirst(place) {
    const { images } = this.#state;
    const broken = [];
    for (const { id, name } of [...images.slice(place), ...images.slice(0, place)]) {
      const error = await this.#open(id);
      if (error === null || error.kind === 'offline') {
        if (error) this.#report(error);
        return broken;
      }
      broken.push(error.message.includes(name) ? error.message : `${name}: ${error.message}`);
      if (broken.length === MOST_BROKEN) break;
    }
    this.#store.set({ message: 'No image could be opened' });
    return broken;
  }

  async #refresh() {
    const { model, models, images, skeleton, matching, notes, reader, ahead } = await api.workplace();
    this.#store.set({ model, models, images, skeleton, matching, reader, ahead });
    return notes;
  }

  /** Reads the list again until the server knows what was done to each image; tells then what it found. */
  async #fillIn() {
    const turn = ++this.#filling;
    if (!this.#state.images.some(({ status }) => status === null)) return;
    let wait = FILL_MS[0];
    while (this.#state.images.some(({ status }) => status === null)) {
      await pause(wait);
      wait = Math.min(2 * wait, FILL_MS[1]);
      if (turn !== this.#filling) return;
      const images = await api.images().catch(() => null);
      if (images === null) return;
      this.#store.set({ images });
    }
    // Films that were renamed are known now.
    const notes = await this.#refresh().catch(() => []);
    if (notes.length > 0) this.#store.set({ alert: notes.join(' – ') });
  }

  /** Predicts all images on which nothing was done, in the background; or ends that. */
  async predictAll() {
    try {
      const { ahead } = await api.predictAhead(this.#state.ahead === null);
      this.#store.set({ ahead });
      await this.#followAhead();
    } catch (error) {
      this.#report(error);
    }
  }

  /** Shows how far images are predicted ahead, until all are; tells of those that could not be. */
  async #followAhead() {
    const turn = ++this.#following;
    let failed = null;
    while (this.#state.ahead !== null) {
      await pause(AHEAD_MS);
      if (turn !== this.#following) return;
      const [status, images] = await Promise.all([api.status(), api.images()]).catch(() => []);
      if (!images) return;
      if (this.#state.ahead?.failed > 0) failed = this.#state.ahead;
      this.#store.set({ ahead: status.ahead, images });
    }
    if (failed) this.#store.set({ alert: `${failed.failed} images could not be predicted; the last: ${failed.failure}` });
  }

  /** The image to open first: the wanted one, or the first that is not done; waits until that is known. */
  async #first(wanted) {
    for (;;) {
      const { images } = this.#state;
      const asked = images.find(({ id }) => id === wanted);
      // They are read in this order.
      const open = images.find(({ status }) => status !== 'accepted' && status !== 'unusable');
      if (asked || open?.status !== null) return asked ?? open ?? images[0];
      await pause(POLL_MS);
    }
  }

  /** Shows how far loading the network is, until it is there. */
  async #modelReady() {
    let { model } = this.#state;
    while (model.state === 'loading') {
      const size = model.bytes ? `, ${(model.bytes / 1e6).toFixed(1)} MB` : '';
      this.#store.set({ loading: `Loading ${model.name}${size} … ${model.seconds.toFixed(1)} s` });
      await pause(POLL_MS);
      ({ model } = await api.status());
    }
    this.#store.set({ model, loading: null });
    if (model.state === 'failed') throw new api.ApiError(model.error, 'failed');
    if (!this.#state.skeleton) await this.#refresh();
  }

  /** Opens an image of the folder; if another is asked for meanwhile, that one. */
  async open(id) {
    const error = await this.#open(id);
    if (error) this.#report(error);
  }

  /** As `open`; answers the error, or null. */
  async #open(id) {
    this.#annotation.settle();
    this.#annotation.reportTime();
    const turn = ++this.#opening;
    this.#store.set({ opening: id });
    const entry = this.#state.images.find((entry) => entry.id === id);
    const slow = setTimeout(() => this.#store.set({ loading: `Opening ${entry?.name ?? ''} …` }), 150);
    try {
      const [image, bitmap] = await Promise.all([api.image(id), api.picture(id, this.#state.matching?.on === true)]);
      if (turn !== this.#opening) return null;
      this.#state.bitmap?.close();
      const before = this.#state.image?.id;
      this.#store.set({ image, bitmap, moving: null, framing: null, ghosts: null, message: image.note, ...(before === id ? {} : { chosen: null, armed: false, hovered: null, selected: [] }) });
      if (image.warning) this.#store.set({ alert: image.warning });
      history.replaceState(null, '', `#${id}`);
      return null;
    } catch (error) {
      return turn === this.#opening ? error : null;
    } finally {
      clearTimeout(slow);
      if (turn === this.#opening) this.#store.set({ loading: null, opening: null });
    }
  }

  /** Accepts the image, and opens the next one that is not done yet. */
  async acceptAndNext() {
    const { image } = this.#state;
    // Once it is accepted, it may be elsewhere in the list.
    const next = this.#nextOpen(image.id);
    if (image.status !== 'accepted' && !(await this.#annotation.accept())) return;
    if (next) await this.open(next.id);
    else this.#store.set({ message: 'Accepted; no other image is left to do' });
  }

  /** The next image of the list, from the one of this number on and around, that is neither accepted nor unusable. */
  #nextOpen(id) {
    const images = arranged(this.#state);
    const at = images.findIndex((entry) => entry.id === id);
    const order = [...images.slice(at + 1), ...images.slice(0, Math.max(0, at))];
    return order.find(({ status }) => status !== 'accepted' && status !== 'unusable');
  }

  /** Opens the image `by` places further in the list. */
  step(by) {
    const next = this.#neighbour(by);
    return next ? this.open(next.id) : Promise.resolve();
  }

  /** Whether there is an image `by` places further. */
  canStep(by) {
    return this.#neighbour(by) !== undefined;
  }

  #neighbour(by) {
    const { image } = this.#state;
    const images = arranged(this.#state);
    return images[images.findIndex(({ id }) => id === image?.id) + by];
  }

  /** Takes files in, opens the first, and tells of those that are no images; keypoints alone are imported into the open image. */
  async take(files, leftOut = []) {
    if (files.length > 0 && files.every(({ name }) => /\.(json|csv)$/i.test(name))) return this.import(files[0]);
    const all = files.length + leftOut.length;
    let first = null;
    for (const [index, file] of files.entries()) {
      this.#store.set({ loading: `Opening ${file.name} (${index + 1} of ${files.length}) …` });
      try {
        const entry = await api.upload(file);
        first ??= entry;
        const { images } = this.#state;
        if (!images.some(({ id }) => id === entry.id)) this.#store.set({ images: [...images, entry] });
      } catch (error) {
        if (error.kind === 'offline') return this.#report(error);
        leftOut.push(error.message.includes(file.name) ? error.message : `${file.name}: ${error.message}`);
      }
    }
    this.#store.set({ loading: null });
    if (first) await this.open(first.id);
    if (leftOut.length > 0) this.#report(new api.ApiError(told(leftOut, all), 'invalid'));
  }

  /** Imports a file of keypoints into the open image; asks first when it is of several images, or removes what was said. */
  async import(file) {
    // What is wrong with the file is told when it is imported.
    const summary = await api.importSummary(file).catch(() => null);
    if (summary?.matched.length > 1 || summary?.drops.length > 0) this.#store.set({ importing: { file, summary } });
    else await this.#annotation.import(file);
  }

  /** Imports a file into all images that it has keypoints of, one after the other. Each can be undone there. */
  async importAll() {
    const { file, summary: { matched, left_out } } = this.#state.importing;
    this.#store.set({ importing: null });
    const failed = [...left_out];
    for (const [index, { id, name }] of matched.entries()) {
      this.#store.set({ loading: `Importing ${name} (${index + 1} of ${matched.length}) …` });
      try {
        await api.importFile(id, file);
      } catch (error) {
        if (error.kind === 'offline') return this.#report(error);
        failed.push(`${name}: ${error.message}`);
      }
    }
    this.#store.set({ loading: null });
    await this.#refresh();
    await this.open(this.#state.image?.id ?? matched[0].id);
    const all = matched.length + left_out.length;
    const done = all - failed.length;
    this.#store.set({ message: `Imported into ${done} images` });
    if (failed.length > 0) this.#store.set({ alert: told(failed, all) });
  }

  /** Changes the network. */
  chooseModel = (id) => this.#exchange(() => api.chooseModel(id));

  /** Matches histograms to the reference, or no longer. */
  match = () => this.#exchange(() => api.match(!this.#state.matching.on));

  async #exchange(request) {
    this.#annotation.settle();
    try {
      const { model } = await request();
      this.#store.set({ model });
      await this.#modelReady();
      await this.#refresh();
      if (this.#state.image) await this.open(this.#state.image.id);
    } catch (error) {
      this.#report(error);
      await this.#refresh().catch(() => {});
    }
  }

  /** Waits until the server answers again, and shows what it kept. */
  async reconnect() {
    if (this.#state.offline) return;
    this.#store.set({ offline: true, moving: null, framing: null });
    for (;;) {
      await pause(RECONNECT_MS);
      try {
        await api.status();
        this.#store.set({ alert: null });
        // Until what the server kept is shown, nothing may look as if it could be worked on.
        await this.start();
        break;
      } catch (error) {
        if (error.kind === 'offline') continue;
        this.#report(error);
        break;
      }
    }
    this.#store.set({ offline: false, message: 'Connected again' });
  }
}
