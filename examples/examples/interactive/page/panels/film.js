// What a person says of the film: who they are, from where it shows the patient, a remark, why it cannot be used.

import { byId } from '../element.js';

export function connect({ store, annotation }) {
  const [annotator, seenFrom, remark, unusable] = ['annotator', 'seen-from', 'remark', 'unusable'].map(byId);
  annotator.addEventListener('change', () => store.set({ annotator: annotator.value.trim(), asked: true }));
  seenFrom.addEventListener('change', () => annotation.say({ seen_from: seenFrom.value || null }));
  byId('still-seen').addEventListener('click', () => annotation.say({ seen_from: seenFrom.value || null }));
  remark.addEventListener('change', () => annotation.say({ remark: remark.value }));
  unusable.addEventListener('change', () => annotation.reject(unusable.value.trim() || null));
  store.watch(['annotator', 'reader'], ({ annotator: name, reader }) => {
    annotator.value = reader ?? name;
    annotator.disabled = reader !== null;
  });
  store.watchAtEase(['image'], ({ image }) => {
    for (const field of [seenFrom, remark, unusable]) field.disabled = image === null;
    if (!image) return;
    const { annotators, seen_from, remark: said, unusable: because } = image;
    byId('annotators').textContent = annotators.length > 0 ? `Worked on by ${annotators.join(', ')}.` : '';
    byId('mirrored-since').hidden = !image.mirrored_since;
    byId('kept-in').textContent = image.kept_in;
    // What is being typed stays.
    const show = (field, value) => document.activeElement !== field && (field.value = value ?? '');
    show(seenFrom, seen_from);
    show(remark, said);
    show(unusable, because);
  });
  asking(store);
}

/** Asks once for the person's name, and tells once how the page is used. */
function asking(store) {
  const [who, name] = [byId('who'), byId('who-name')];
  who.addEventListener('submit', (event) => {
    event.preventDefault();
    store.set({ annotator: name.value.trim(), asked: true });
    byId('film').focus({ preventScroll: true });
  });
  byId('who-not').addEventListener('click', () => store.set({ asked: true }));
  byId('welcomed').addEventListener('click', () => store.set({ welcomed: true }));
  store.watch(['image', 'asked', 'welcomed', 'reader'], ({ image, asked, welcomed, reader }) => {
    byId('welcome').hidden = image === null || welcomed || image.view.nothing_found;
    // One question at a time: the name when something is about to be kept under it.
    who.hidden = image === null || asked || reader !== null || image.status === 'untouched';
  });
  store.watch(['importing'], ({ importing }) => {
    byId('importing').hidden = importing === null;
    if (importing) byId('importing').firstElementChild.textContent = summarised(importing.summary);
  });
  store.watch(['otherFilm'], ({ otherFilm }) => {
    const box = byId('other-film');
    box.hidden = otherFilm === null;
    if (otherFilm) box.firstElementChild.textContent = `${otherFilm.why[0].toUpperCase()}${otherFilm.why.slice(1)}. Import anyway?`;
  });
}

/** What an import would do, in words. */
function summarised({ films, matched, left_out, drops }) {
  const begun = matched.filter(({ status }) => status !== 'untouched').length;
  const work = begun > 0 ? ` ${begun} of them have been worked on; undo brings that back.` : '';
  const others = left_out.length > 0 ? ` Left out: ${left_out.slice(0, 3).join('; ')}${left_out.length > 3 ? '; …' : ''}.` : '';
  const lost = drops.length > 0 ? ` The file lacks, and the import removes, for ${drops.slice(0, 3).join('; for ')}${drops.length > 3 ? `; for ${drops.length - 3} more …` : ''}.` : '';
  const what = films === 1 ? 'The file has keypoints of one film.' : `The file has keypoints of ${films} films, and ${matched.length} of them are here.`;
  return `${what}${work}${lost}${others}`;
}
