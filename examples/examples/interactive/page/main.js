// Puts the page together: the state, what acts on it, what shows it.

import { Annotation } from './annotation.js';
import * as api from './api.js';
import * as buttons from './buttons.js';
import { byId } from './element.js';
import * as files from './files.js';
import * as heartbeat from './heartbeat.js';
import * as heat from './heat.js';
import * as help from './help.js';
import { Keymap } from './keymap.js';
import * as keys from './keys.js';
import * as cobb from './panels/cobb.js';
import * as compare from './panels/compare.js';
import * as filmPanel from './panels/film.js';
import * as folder from './panels/folder.js';
import * as frame from './panels/frame.js';
import * as hints from './panels/hints.js';
import * as history from './panels/history.js';
import * as measures from './panels/measures.js';
import * as points from './panels/points.js';
import * as priorPanel from './panels/prior.js';
import * as status from './panels/status.js';
import * as tabs from './panels/tabs.js';
import * as tone from './panels/tone.js';
import { PLAIN_LIST, checkedList } from './list.js';
import { MEASURES } from './measures.js';
import { keep, kept } from './settings.js';
import * as presets from './presets.js';
import * as prior from './prior.js';
import * as theme from './theme.js';
import { Stage } from './stage.js';
import { Store } from './store.js';
import { PLAIN, checked } from './tone.js';
import * as pointer from './tools/pointer.js';
import { View } from './view.js';
import { Workplace } from './workplace.js';

const LIKED = { convention: 'clinical', letters: true, annotator: '', theme: 'system', preset: 'file', asked: false, welcomed: false };
const SHOWN = { names: true, ghosts: true, cobb: true, labels: false, heatmap: false, small: false };

const store = new Store({
  // What the server says.
  skeleton: null, model: null, models: [], matching: null, images: [], reader: null, ahead: null, image: null, bitmap: null, heatmap: null, priorId: null, prior: null,
  // What the person is doing.
  chosen: null, armed: false, hovered: null, selected: [], marquee: null, measuring: null, moving: null, framing: null, ghosts: null, cursor: null, tool: 'correct', panning: false, hidden: false,
  // How it is shown.
  view: new View(), film: { width: 0, height: 0, ratio: 1 },
  tone: checked(kept('tone', PLAIN)), presetTone: null, shown: kept('shown', SHOWN), ...kept('liked', LIKED),
  list: checkedList(kept('list', PLAIN_LIST)),
  // What is going on.
  busy: false, opening: null, otherFilm: null, importing: null, pending: null, waited: 0, silent: 0, loading: 'Connecting …', message: null, alert: null, offline: false,
});

const report = (error) => {
  if (error.kind === 'offline') workplace.reconnect();
  else store.set({ alert: error.message });
};
const annotation = new Annotation(store, report);
const workplace = new Workplace(store, annotation, report);
const stage = new Stage(store);
const film = byId('film');
const REGIONS = [film, byId('side'), byId('folder'), document.querySelector('header')];

/** Whether Tab and the arrows act on points; Escape hands Tab back to the page. */
let pointsHaveTab = true;
film.addEventListener('focus', () => (pointsHaveTab = true));

const app = {
  store, annotation, workplace, stage, report,
  keymap: new Keymap(),
  pickImages: () => byId('open-files').click(),
  pickKeypoints: () => byId('import-file').click(),
  sureImport() {
    const { file } = store.state.otherFilm;
    store.set({ otherFilm: null });
    annotation.import(file, true);
  },
  importOne() {
    const { file } = store.state.importing;
    store.set({ importing: null });
    annotation.import(file);
  },
  openExports: () => byId('export-menu').showPopover(),
  zoom(factor) {
    const { cursor, chosen, image, view } = store.state;
    const point = cursor ?? (chosen === null ? null : image?.keypoints[chosen]);
    stage.zoom(factor, point ? view.toScreen(point) : undefined);
  },
  takes: (key) => key !== 'Tab' || pointsHaveTab,
  escape() {
    const { moving, chosen, selected, alert, tool, otherFilm, importing, measuring } = store.state;
    if (otherFilm || importing) store.set({ otherFilm: null, importing: null });
    else if (cancelPointer() || (moving && (!moving.released || moving.asking))) annotation.cancel();
    else if (alert) store.set({ alert: null });
    else if (selected.length > 0) annotation.select([]);
    else if (measuring) store.set({ measuring: null });
    else if (tool === 'frame' || tool === 'select' || MEASURES.includes(tool)) store.set({ tool: 'correct' });
    else if (chosen !== null) annotation.choose(null);
    else {
      pointsHaveTab = false;
      store.set({ message: 'Tab now leaves the film' });
    }
  },
  nextRegion() {
    const visible = REGIONS.filter((region) => !region.hidden);
    const at = visible.findIndex((region) => region.contains(document.activeElement));
    const next = visible[(at + 1) % visible.length];
    (next === film ? film : next.querySelector('[tabindex="0"], button:not([disabled])')).focus();
  },
};
const cancelPointer = pointer.listen(app);
app.toggleHelp = help.connect(app);

for (const part of [cobb, compare, filmPanel, folder, frame, hints, history, measures, points, status, tabs, theme, tone, files, heat, heartbeat, buttons, presets, prior, priorPanel]) part.connect(app);
keys.listen(app);

store.watch(['tone'], ({ tone }) => keep('tone', tone));
store.watch(['shown'], ({ shown }) => keep('shown', shown));
store.watch(['list'], ({ list }) => keep('list', list));
store.watch(Object.keys(LIKED), (state) => keep('liked', Object.fromEntries(Object.keys(LIKED).map((key) => [key, state[key]]))));
store.watch(['annotator'], ({ annotator }) => api.sayWho(annotator));
store.watch(['tool', 'panning', 'armed', 'hovered'], ({ tool, panning, armed, hovered }) => {
  film.dataset.does = panning ? 'pan' : tool !== 'correct' ? tool : hovered !== null ? 'grab' : armed ? 'put' : 'pan';
});

window.ikem = { ...window.ikem, store };
film.focus({ preventScroll: true });
workplace.start().catch(report);
