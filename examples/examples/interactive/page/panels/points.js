// The names of all points: a row a vertebra, a button a corner. Arrow keys walk through it.

import { byId, element } from '../element.js';
import { vertebraColour } from '../palette.js';
import { vertebraOf } from '../scene.js';

const CORNERS = { TL: 'top left', TR: 'top right', BL: 'bottom left', BR: 'bottom right' };

export function connect({ store, annotation, stage }) {
  const grid = byId('point-grid');
  let buttons = [];

  const choose = (index) => {
    annotation.choose(index);
    stage.reveal(index);
  };
  grid.addEventListener('keydown', (event) => {
    const at = buttons.indexOf(document.activeElement);
    const ways = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -4, ArrowDown: 4, Home: -at, End: buttons.length - 1 - at };
    if (at < 0 || !(event.key in ways) || event.altKey || event.ctrlKey) return;
    event.preventDefault();
    event.stopPropagation();
    buttons[at + ways[event.key]]?.focus();
    if (document.activeElement !== buttons[at]) choose(buttons.indexOf(document.activeElement));
  });

  store.watch(['skeleton'], ({ skeleton }) => {
    if (!skeleton) return;
    buttons = skeleton.names.map((name, index) => pointButton(name, vertebraOf(skeleton)[index], () => choose(index)));
    const rows = skeleton.vertebrae.map(({ name, corners }, vertebra) => {
      const title = element('span', { role: 'rowheader' }, vertebraButton(name, () => annotation.select([...corners])));
      title.style.setProperty('--colour', vertebraColour(vertebra));
      const cells = corners.map((corner) => element('span', { role: 'gridcell' }, buttons[corner]));
      return element('div', { role: 'row' }, title, ...cells);
    });
    grid.replaceChildren(...rows);
  });
  store.watchAtEase(['image', 'chosen', 'skeleton', 'selected'], ({ image, chosen, selected }) => {
    if (!image) return;
    const together = new Set(selected);
    const suspects = new Set(image.suspects);
    buttons.forEach((button, index) => {
      const { hinted, confidence, visible } = image.keypoints[index];
      const state = !visible ? 'absent' : hinted ? 'corrected' : suspects.has(index) ? 'unsure' : 'predicted';
      button.dataset.state = state;
      button.disabled = image.view.nothing_found;
      button.setAttribute('aria-pressed', String(index === chosen));
      button.toggleAttribute('data-selected', together.has(index));
      button.tabIndex = index === (chosen ?? 0) ? 0 : -1;
      const more = together.has(index) ? ', selected' : '';
      const sure = !visible ? 'not visible' : hinted ? state : `${state}, confidence ${Math.round(100 * confidence)} %`;
      button.title = `${button.dataset.name}: ${sure}${more}`;
      // A name begins with what is seen.
      button.setAttribute('aria-label', `${button.innerText} ${button.dataset.spoken}, ${sure}${more}`);
    });
  });
}

/** Selects all corners of a vertebra. */
function vertebraButton(name, select) {
  return element('button', { class: 'vertebra', title: `Select ${name}, to move or turn it as a whole`, tabindex: -1, onclick: select }, name);
}

function pointButton(name, vertebra, choose) {
  const [bone, corner] = name.split('-');
  const spoken = CORNERS[corner] ? `${bone} ${CORNERS[corner]}` : name;
  const button = element('button', { 'data-name': name, 'data-spoken': spoken, onclick: choose }, element('i', { class: 'mark' }), corner ?? name);
  button.style.setProperty('--colour', vertebraColour(vertebra));
  return button;
}
