// What the network sees of the film, in words; and what to do where no spine was found.

import { byId } from '../element.js';

export function connect({ store }) {
  store.watch(['image', 'framing'], ({ image, framing }) => {
    // While a frame is drawn, nothing covers the film.
    byId('nothing-found').hidden = !image?.view.nothing_found || framing !== null;
  });
  store.watchAtEase(['image'], ({ image, chosen }) => {
    byId('frame-note').textContent = image ? [part(image), ...manner(image), ...pixels(image)].join(' ') : '';
    if (image?.view.nothing_found && chosen !== null) store.set({ chosen: null });
  });
}

/** Which part of the film it is, and how that was found. */
function part({ view }) {
  const { center: [x, y], width, height, degrees } = view.frame;
  const lean = ((degrees - 90 * view.turns + 540) % 360) - 180;
  const place = view.whole
    ? 'Whole film'
    : `${Math.round(width)} × ${Math.round(height)} px around (${Math.round(x)}, ${Math.round(y)})`;
  const turned = Math.abs(lean) < 0.05 ? '' : `, turned by ${lean.toFixed(1).replace('-', '−')}°`;
  return `${place}${turned}${found(view)}.`;
}

/** How far apart the film's pixels lie, where that is known. */
function pixels({ spacing }) {
  if (!spacing) return [];
  return [`Pixel spacing ${spacing.words}${spacing.plane ? '; lengths in the patient are smaller' : ''}.`];
}

function found({ whole, confidence, nothing_found }) {
  if (confidence === null) return whole ? '' : ', set by hand';
  const percent = `${Math.round(100 * confidence)} %`;
  return nothing_found ? `: no spine found, confidence ${percent}` : `, found with confidence ${percent}`;
}

/** How the film is shown, where that is not as it is. */
function manner({ view }) {
  const ways = [];
  if (view.turns > 0) ways.push(['', 'turned left by 90°', 'turned by 180°', 'turned right by 90°'][view.turns]);
  if (view.frame.mirrored) ways.push('mirrored');
  const sentences = ways.length > 0 ? [`Shown ${ways.join(' and ')}.`] : [];
  return view.negative ? [...sentences, 'Shown inverted: the film is a negative.'] : sentences;
}
