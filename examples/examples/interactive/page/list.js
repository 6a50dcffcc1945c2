// Which images the list shows, and in which order.

/** What can be shown: each is asked of an image. */
export const FILTERS = {
  all: () => true,
  todo: ({ status }) => status === 'untouched' || status === 'in_work' || status === null,
  in_work: ({ status }) => status === 'in_work',
  accepted: ({ status }) => status === 'accepted',
  unusable: ({ status }) => status === 'unusable',
  doubtful: ({ doubtful, unsure }) => doubtful || unsure > 0,
};

const PLACES = ['in_work', 'untouched', null, 'accepted', 'unusable'];
/** What is not known comes last. */
const downwards = (a, b) => (b ?? -1) - (a ?? -1);

/** The orders; images that are alike stay in the order of the folder. */
export const ORDERS = {
  folder: () => 0,
  name: (a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }),
  status: (a, b) => PLACES.indexOf(a.status) - PLACES.indexOf(b.status),
  doubt: (a, b) => downwards(a.doubtful, b.doubtful) || downwards(a.unsure, b.unsure),
  angle: (a, b) => downwards(a.degrees, b.degrees),
};

export const PLAIN_LIST = { search: '', filter: 'all', order: 'folder' };

/** What is remembered of the list, as far as it is known. */
export const checkedList = ({ filter, order }) => ({
  search: '',
  filter: filter in FILTERS ? filter : 'all',
  order: order in ORDERS ? order : 'folder',
});

/** The images to show, in order. */
export function arranged({ images, list: { search, filter, order } }) {
  const wanted = search.trim().toLocaleLowerCase();
  const shown = images.filter((image) => FILTERS[filter](image) && image.name.toLocaleLowerCase().includes(wanted));
  return order === 'folder' ? shown : shown.sort(ORDERS[order]);
}

/** What the list shows of an image that is open. */
export const listed = ({ status, clicks, seconds, suspects, view, angles }) => ({
  status,
  clicks,
  seconds,
  unsure: suspects.length,
  doubtful: Boolean(view.doubt),
  degrees: angles?.clinical.find(({ major }) => major)?.degrees ?? null,
});
