// Files in and out: open, drop, import, export.

import * as api from './api.js';
import { byId, element } from './element.js';

/** Connects the file pickers, dropping and the export menu. */
export function connect({ store, workplace, report }) {
  byId('open-files').addEventListener('change', ({ target }) => {
    workplace.take([...target.files]);
    target.value = '';
  });
  byId('import-file').addEventListener('change', ({ target }) => {
    if (target.files[0]) workplace.import(target.files[0]);
    target.value = '';
  });
  dropping(workplace);
  exporting(store, report);
}

function dropping(workplace) {
  const target = byId('drop-target');
  let depth = 0;
  const inside = (by) => {
    depth = Math.max(0, depth + by);
    target.hidden = depth === 0;
  };
  addEventListener('dragenter', (event) => event.dataTransfer?.types.includes('Files') && inside(1));
  addEventListener('dragleave', (event) => event.dataTransfer?.types.includes('Files') && inside(-1));
  addEventListener('dragover', (event) => event.preventDefault());
  addEventListener('drop', async (event) => {
    event.preventDefault();
    depth = 0;
    inside(0);
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    const skipped = [];
    const found = (await Promise.all(entries.map((entry) => filesOf(entry, skipped)))).flat();
    if (found.length > 0 || skipped.length > 0) workplace.take(found, skipped);
  });
}

/** The files of a dropped entry; of a folder, those directly in it that are not hidden; folders in it are told in `skipped`. What is an image is for the program to say. */
async function filesOf(entry, skipped) {
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) break;
    found.push(...some.filter(({ isFile, name }) => isFile && !/^\.|\.ikem\.json$|^annotation-log\.jsonl$/.test(name)));
    skipped.push(...some.filter(({ isFile, name }) => !isFile && !name.startsWith('.')).map(({ name }) => `${name} is a folder; drop it by itself`));
  }
  const files = await Promise.all(found.map((file) => filesOf(file, skipped)));
  return files.flat().sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
}

const download = (address, name) => element('a', { href: address, download: name }).click();

/** Downloads an export of all images, and tells what is not in it. */
async function exportAll(store, name) {
  const { file, leftOut } = await api.exportAll(name);
  const address = URL.createObjectURL(file);
  download(address, name.split('?')[0]);
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
  if (leftOut) store.set({ alert: leftOut });
}

function exporting(store, report) {
  const menu = byId('export-menu');
  const items = [...menu.querySelectorAll('[role=menuitem]')];
  for (const item of items) {
    item.addEventListener('click', () => {
      const { export: one, exportAll: all } = item.dataset;
      menu.hidePopover();
      // Large: straight to the disk.
      if (all === 'all.zip') download(api.exportedAll(all), '');
      else if (all) exportAll(store, all).catch(report);
      else download(api.exported(store.state.image.id, one), '');
    });
  }
  menu.addEventListener('toggle', ({ newState }) => newState === 'open' && items[0].focus());
  menu.addEventListener('keydown', (event) => {
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!by) return;
    items[(items.indexOf(document.activeElement) + by + items.length) % items.length].focus();
    event.preventDefault();
    event.stopPropagation();
  });
}
