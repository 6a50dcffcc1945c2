// Everything a person can do without the mouse: the one list that keys, buttons and the help are made from.
//
// A command has `keys` (the first is shown on its button), `text` for the help, `run`, and where it makes sense `enabled`
// and `pressed`. Keys that repeat while held are marked, and buttons after which the film has the focus (`toFilm`). A name such as `Shift+N` means the letter N with Shift.

import { vertebraHeight } from './distance.js';
import { middleOf } from './moving.js';
import { hasPoints } from './scene.js';
import { companions, corners, toggled, turnedWith } from './selection.js';
import { PLAIN, checked } from './tone.js';

const ZOOM_STEP = 1.25;
const TONE_STEP = 0.02;

const toneBy = (app, change) => {
  const { tone } = app.store.state;
  const moved = Object.fromEntries(Object.entries(change).map(([key, by]) => [key, tone[key] + by]));
  app.store.set({ tone: checked({ ...tone, ...moved }) });
};
const toggleTool = (app, tool) => app.store.set({ tool: app.store.state.tool === tool ? 'correct' : tool });

const toggleShown = (app, part) => {
  const { shown } = app.store.state;
  app.store.set({ shown: { ...shown, [part]: !shown[part] } });
};
const put = (app) => {
  const { moving, chosen } = app.store.state;
  if (moving?.asking) app.annotation.confirm();
  else if (moving) app.annotation.release();
  else app.annotation.confirmPoints([chosen]);
};
const stepPoint = (app, by) => {
  const { chosen, skeleton } = app.store.state;
  const first = by > 0 ? 0 : skeleton.names.length - 1;
  choose(app, chosen === null ? first : (chosen + by + skeleton.names.length) % skeleton.names.length);
};
const stepSuspect = (app, by) => {
  const { suspects } = app.store.state.image;
  const place = suspects.indexOf(app.store.state.chosen);
  const first = by > 0 ? 0 : suspects.length - 1;
  const next = suspects[place < 0 ? first : (place + by + suspects.length) % suspects.length];
  app.annotation.choose(next);
  app.stage.approach(next, vertebraHeight(app.store.state.skeleton, app.store.state.image.keypoints));
};
const choose = (app, index) => {
  app.annotation.choose(index);
  app.stage.reveal(index);
};
const nudge = (app, dx, dy, whole = false) => {
  const { state } = app.store;
  const { x, y } = state.view.orientation.filmWay({ x: dx, y: dy });
  if (state.chosen === null) return;
  const vertebra = () => corners(state, state.chosen).filter((corner) => corner !== state.chosen);
  app.annotation.nudge(x, y, whole ? vertebra() : companions(state, state.chosen));
  app.stage.reveal(app.store.state.chosen);
};
/** Turns the selected points, or the vertebra of the chosen one, clockwise as the film is shown. */
const turnPoints = (app, degrees) => {
  const { state } = app.store;
  // Where nothing is chosen, one of the selected points is.
  if (state.chosen === null || (state.selected.length > 1 && !state.selected.includes(state.chosen))) app.store.set({ chosen: state.selected[0] });
  const { chosen, image, view } = app.store.state;
  const others = turnedWith(app.store.state, chosen);
  const center = middleOf([chosen, ...others].map((index) => image.keypoints[index]));
  app.annotation.nudgeTurn(view.orientation.mirrored ? -degrees : degrees, others, center);
};
const select = (app, points) => {
  app.annotation.select(points);
  const { chosen, selected } = app.store.state;
  if (selected.length > 0 && !selected.includes(chosen)) app.store.set({ chosen: selected[0] });
};
/** Of the first, which the help shows for all four, the way is left out there. */
const told = (text, name, way) => (name === 'Up' ? text : `${text} ${way}`);
/** Four commands, of which the help shows one; `hidden` are the others. */
const arrow = (name, way, dx, dy) => [
  { id: `nudge${name}`, keys: [`Arrow${name}`], text: told('Move the point 1 pixel', name, way), repeats: true, film: true, hidden: name !== 'Up',
    enabled: hasChosen, run: (app) => nudge(app, dx, dy) },
  { id: `leap${name}`, keys: [`Shift+Arrow${name}`], text: told('Move it 10 pixels', name, way), repeats: true, film: true, hidden: name !== 'Up',
    enabled: hasChosen, run: (app) => nudge(app, 10 * dx, 10 * dy) },
  { id: `leapVertebra${name}`, keys: [`Alt+Shift+Arrow${name}`], text: told('Move its vertebra 1 pixel', name, way), repeats: true, film: true, hidden: name !== 'Up',
    enabled: hasChosen, run: (app) => nudge(app, dx, dy, true) },
];

const hasImage = ({ image, opening }) => image !== null && opening === null;
const hasChosen = (state) => hasImage(state) && state.chosen !== null;
const hasSelected = (state) => hasImage(state) && state.selected.length > 0;
const canTurn = (state) => hasPoints(state) && (hasChosen(state) || state.selected.length > 1);
const isOpen = (state) => hasChosen(state) && !state.image.keypoints[state.chosen].hinted;
const isAbsent = (state, keypoints) => keypoints.every((keypoint) => !state.image.keypoints[keypoint].visible);
const see = (app, keypoints) => app.annotation.see(keypoints, isAbsent(app.store.state, keypoints));
const isHinted = (state) => hasChosen(state) && state.image.keypoints[state.chosen].hinted;

export const GROUPS = [
  ['Points', [
    { id: 'nextPoint', keys: ['Tab'], text: 'Next point', repeats: true, film: true, enabled: hasPoints, run: (app) => stepPoint(app, 1) },
    { id: 'previousPoint', keys: ['Shift+Tab'], text: 'Previous point', repeats: true, film: true, enabled: hasPoints, run: (app) => stepPoint(app, -1) },
    { id: 'nextSuspect', keys: ['N'], text: 'Next unsure point', toFilm: true, enabled: ({ image }) => image?.suspects.length > 0, run: (app) => stepSuspect(app, 1) },
    { id: 'previousSuspect', keys: ['Shift+N'], text: 'Previous unsure point', enabled: ({ image }) => image?.suspects.length > 0, run: (app) => stepSuspect(app, -1) },
    ...arrow('Up', 'up', 0, -1),
    ...arrow('Down', 'down', 0, 1),
    ...arrow('Left', 'left', -1, 0),
    ...arrow('Right', 'right', 1, 0),
    { id: 'turnPointsLeft', keys: ['('], text: 'Turn the selected points, or the vertebra, left by 1°', repeats: true, toFilm: true, enabled: canTurn, run: (app) => turnPoints(app, -1) },
    { id: 'turnPointsRight', keys: [')'], text: 'The same to the right', repeats: true, toFilm: true, enabled: canTurn, run: (app) => turnPoints(app, 1) },
    { id: 'selectPoint', keys: ['Shift+S'], text: 'Select the point too, or no longer', enabled: hasChosen, run: (app) => app.annotation.select(toggled(app.store.state.selected, app.store.state.chosen)) },
    { id: 'selectVertebra', keys: ['Shift+V'], text: 'Select its vertebra', enabled: hasChosen, run: (app) => select(app, [...corners(app.store.state, app.store.state.chosen)]) },
    { id: 'selectAll', keys: ['Ctrl+A'], text: 'Select all points', film: true, enabled: hasPoints, run: (app) => select(app, app.store.state.skeleton.names.map((_, index) => index)) },
    { id: 'selectNone', keys: [], text: 'Select none', toFilm: true, enabled: hasSelected, run: (app) => app.annotation.select([]) },
    { id: 'put', keys: ['Enter'], text: 'Drop the point now; or confirm it where it is', film: true, enabled: (state) => state.moving !== null || isOpen(state), run: (app) => put(app) },
    { id: 'confirmPoint', keys: [], text: 'Confirm the point where it is', toFilm: true, enabled: isOpen, run: (app) => app.annotation.confirmPoints([app.store.state.chosen]) },
    { id: 'confirmVertebra', keys: ['Shift+Enter'], text: 'Confirm all corners of the vertebra', film: true, enabled: hasChosen, run: (app) => app.annotation.confirmPoints(corners(app.store.state, app.store.state.chosen)) },
    { id: 'see', keys: ['Q'], text: 'The point is not visible on the film, or is', enabled: hasChosen, pressed: (state) => hasChosen(state) && isAbsent(state, [state.chosen]), run: (app) => see(app, [app.store.state.chosen]) },
    { id: 'seeVertebra', keys: ['Shift+Q'], text: 'The vertebra is not visible, or is', enabled: hasChosen, pressed: (state) => hasChosen(state) && isAbsent(state, corners(state, state.chosen)), run: (app) => see(app, corners(app.store.state, app.store.state.chosen)) },
    { id: 'moveFar', keys: [], text: 'Move it', run: (app) => app.annotation.confirm() },
    { id: 'stayNear', keys: [], text: 'Keep it where it was', run: (app) => app.annotation.cancel() },
    { id: 'release', keys: ['Escape'], text: 'Cancel a drag; deselect; then Tab leaves the film', run: (app) => app.escape() },
    { id: 'heatmap', keys: ['H'], text: 'Heatmap of the selected point', enabled: hasChosen, pressed: ({ shown }) => shown.heatmap, run: (app) => toggleShown(app, 'heatmap') },
  ]],
  ['Corrections', [
    { id: 'undo', keys: ['Ctrl+Z', 'U'], text: 'Undo', enabled: (state) => hasImage(state) && (state.image.can_undo || state.moving !== null), run: (app) => app.annotation.undo() },
    { id: 'redo', keys: ['Ctrl+Shift+Z', 'Ctrl+Y'], text: 'Redo', enabled: (state) => hasImage(state) && state.image.can_redo, run: (app) => app.annotation.redo() },
    { id: 'remove', keys: ['Delete', 'Backspace'], text: 'Remove the correction of the selected point', enabled: isHinted, run: (app) => app.annotation.remove(app.store.state.chosen) },
    { id: 'reset', keys: ['Shift+R'], text: 'Remove all corrections', enabled: (state) => hasImage(state) && state.image.hints.length + state.image.absent.length + state.image.ends.length > 0, run: (app) => app.annotation.reset() },
    { id: 'levelsUp', keys: ['Alt+ArrowUp'], text: 'Rename upwards: T6 becomes T5', enabled: hasImage, run: (app) => app.annotation.shift(-1) },
    { id: 'levelsDown', keys: ['Alt+ArrowDown'], text: 'Rename downwards: T5 becomes T6', enabled: hasImage, run: (app) => app.annotation.shift(1) },
    { id: 'predict', keys: ['P'], text: 'Predict again with the current network', enabled: hasImage, run: (app) => app.annotation.predict() },
    { id: 'acceptNext', keys: ['Y', 'Ctrl+Enter'], text: 'Accept, and open the next image to do', toFilm: true, enabled: hasImage, run: (app) => app.workplace.acceptAndNext() },
    { id: 'accept', keys: ['A'], text: 'Accept, or withdraw acceptance', toFilm: true, enabled: hasImage, pressed: ({ image }) => image?.status === 'accepted', run: (app) => app.annotation.accept() },
  ]],
  ['Images', [
    { id: 'nextImage', keys: ['PageDown', 'Ctrl+ArrowRight'], text: 'Next image', enabled: (_, app) => app.workplace.canStep(1), run: (app) => app.workplace.step(1) },
    { id: 'previousImage', keys: ['PageUp', 'Ctrl+ArrowLeft'], text: 'Previous image', enabled: (_, app) => app.workplace.canStep(-1), run: (app) => app.workplace.step(-1) },
    { id: 'open', keys: ['O'], text: 'Open radiographs', run: (app) => app.pickImages() },
    { id: 'export', keys: ['E'], text: 'Export', enabled: hasImage, run: (app) => app.openExports() },
    { id: 'import', keys: ['Shift+I'], text: 'Import keypoints (JSON, CSV)', enabled: hasImage, run: (app) => app.pickKeypoints() },
    { id: 'match', keys: ['M'], text: 'Match the reference image’s grey values', enabled: ({ matching }) => matching !== null, pressed: ({ matching }) => matching?.on, run: (app) => app.workplace.match() },
    { id: 'network', keys: ['K'], text: 'Choose the network', run: () => document.getElementById('network').focus() },
  ]],
  ['View', [
    { id: 'zoomIn', keys: ['+', '='], text: 'Zoom in', repeats: true, run: (app) => app.zoom(ZOOM_STEP) },
    { id: 'zoomOut', keys: ['-'], text: 'Zoom out', repeats: true, run: (app) => app.zoom(1 / ZOOM_STEP) },
    { id: 'fit', keys: ['0', 'F'], text: 'Show the whole film', run: (app) => app.stage.fit() },
    { id: 'correctTool', keys: ['V'], text: 'Mouse: correct points', pressed: ({ tool }) => tool === 'correct', run: (app) => app.store.set({ tool: 'correct' }) },
    { id: 'selectTool', keys: ['Shift+D'], text: 'Mouse: select points (or hold Ctrl)', pressed: ({ tool }) => tool === 'select', run: (app) => toggleTool(app, 'select') },
    { id: 'panTool', keys: ['D'], text: 'Mouse: move the film (or hold Space)', pressed: ({ tool }) => tool === 'pan', run: (app) => app.store.set({ tool: 'pan' }) },
    { id: 'windowTool', keys: ['W'], text: 'Mouse: window and level (or right button)', pressed: ({ tool }) => tool === 'window', run: (app) => app.store.set({ tool: 'window' }) },
    { id: 'distanceTool', keys: ['Shift+L'], text: 'Mouse: measure a distance', enabled: hasImage, pressed: ({ tool }) => tool === 'distance', run: (app) => toggleTool(app, 'distance') },
    { id: 'angleTool', keys: ['Shift+A'], text: 'Mouse: measure the angle between two lines', enabled: hasImage, pressed: ({ tool }) => tool === 'angle', run: (app) => toggleTool(app, 'angle') },
    { id: 'invert', keys: ['I'], text: 'Show inverted', pressed: ({ tone }) => tone.invert, run: (app) => app.store.set({ tone: { ...app.store.state.tone, invert: !app.store.state.tone.invert } }) },
    { id: 'wider', keys: ['}'], text: 'Wider window', repeats: true, run: (app) => toneBy(app, { window: TONE_STEP }) },
    { id: 'narrower', keys: ['{'], text: 'Narrower window', repeats: true, run: (app) => toneBy(app, { window: -TONE_STEP }) },
    { id: 'darker', keys: [']'], text: 'Level up, darker', repeats: true, run: (app) => toneBy(app, { level: TONE_STEP }) },
    { id: 'brighter', keys: ['['], text: 'Level down, brighter', repeats: true, run: (app) => toneBy(app, { level: -TONE_STEP }) },
    { id: 'gammaUp', keys: ['.'], text: 'More gamma', repeats: true, run: (app) => toneBy(app, { gamma: 0.1 }) },
    { id: 'gammaDown', keys: [','], text: 'Less gamma', repeats: true, run: (app) => toneBy(app, { gamma: -0.1 }) },
    { id: 'toneFile', keys: ['1', 'R'], text: 'Brightness: as the file says', pressed: ({ preset }) => preset === 'file', run: (app) => app.store.set({ preset: 'file', tone: PLAIN }) },
    { id: 'toneBone', keys: ['2'], text: 'Brightness: bone', pressed: ({ preset }) => preset === 'bone', run: (app) => app.store.set({ preset: 'bone' }) },
    { id: 'toneSoft', keys: ['3'], text: 'Brightness: soft tissue', pressed: ({ preset }) => preset === 'soft', run: (app) => app.store.set({ preset: 'soft' }) },
  ]],
  ['Shown', [
    { id: 'names', keys: ['T'], text: 'Names of vertebrae', pressed: ({ shown }) => shown.names, run: (app) => toggleShown(app, 'names') },
    { id: 'small', keys: ['Shift+M'], text: 'Small, hollow markers', pressed: ({ shown }) => shown.small, run: (app) => toggleShown(app, 'small') },
    { id: 'ghosts', keys: ['G'], text: 'Previous positions after a correction', pressed: ({ shown }) => shown.ghosts, run: (app) => toggleShown(app, 'ghosts') },
    { id: 'cobbLines', keys: ['C'], text: 'Cobb angles on the film', pressed: ({ shown }) => shown.cobb, run: (app) => toggleShown(app, 'cobb') },
    { id: 'convention', keys: ['Shift+C'], text: 'Clinical or challenge convention', run: (app) => app.store.set({ convention: app.store.state.convention === 'clinical' ? 'challenge' : 'clinical' }) },
    { id: 'labels', keys: ['L'], text: 'Reference labels', enabled: ({ image }) => Boolean(image?.comparison), pressed: ({ shown }) => shown.labels, run: (app) => toggleShown(app, 'labels') },
    { id: 'nextRegion', keys: ['F6'], text: 'Move the focus: film, findings, folder, toolbar', run: (app) => app.nextRegion() },
    { id: 'peek', keys: ['Z'], text: 'Hide all points while held', run: (app) => app.store.set({ hidden: true }) },
    { id: 'help', keys: ['?', 'F1'], text: 'Show these keys', run: (app) => app.toggleHelp() },
    { id: 'noPrior', keys: [], text: 'Close the earlier film', toFilm: true, enabled: ({ priorId }) => priorId !== null, run: (app) => app.store.set({ priorId: null }) },
    { id: 'sureImport', keys: [], text: 'Import it into this film', run: (app) => app.sureImport() },
    { id: 'noImport', keys: [], text: 'Do not import it', run: (app) => app.store.set({ otherFilm: null, importing: null }) },
    { id: 'importAll', keys: [], text: 'Import into all of them', run: (app) => app.workplace.importAll() },
    { id: 'importOne', keys: [], text: 'Import into this image only', run: (app) => app.importOne() },
    { id: 'dismiss', keys: [], text: 'Dismiss the message', run: (app) => app.store.set({ alert: null }) },
  ]],
  ['Frame: what the network sees', [
    { id: 'frameTool', keys: ['B'], text: 'Show and change the frame', enabled: hasImage, pressed: ({ tool }) => tool === 'frame', run: (app) => toggleTool(app, 'frame') },
    { id: 'find', keys: ['S'], text: 'Find the spine again', enabled: hasImage, run: (app) => app.annotation.find() },
    { id: 'whole', keys: ['Shift+F'], text: 'Use the whole film', enabled: hasImage, run: (app) => app.annotation.whole() },
    { id: 'turnLeft', keys: ['<'], text: 'Turn the film left', enabled: hasImage, run: (app) => app.annotation.turn(-1) },
    { id: 'turnRight', keys: ['>'], text: 'Turn the film right', enabled: hasImage, run: (app) => app.annotation.turn(1) },
    { id: 'mirror', keys: ['X'], text: 'Mirror the film', enabled: hasImage, pressed: ({ image }) => image?.view.frame.mirrored, run: (app) => app.annotation.mirror() },
    { id: 'negative', keys: ['J'], text: 'The film is a negative: invert it', enabled: hasImage, pressed: ({ image }) => image?.view.negative, run: (app) => app.annotation.invert() },
  ]],
];

export const COMMANDS = GROUPS.flatMap(([, commands]) => commands);

/** Does a command if it makes sense now. Returns whether it did. */
export function run(app, command) {
  if (command.enabled && !command.enabled(app.store.state, app)) return false;
  command.run(app);
  return true;
}
