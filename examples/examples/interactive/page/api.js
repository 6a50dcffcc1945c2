// Talks to the server. One function a call; what they answer is described in the program's module page.

/** An answer that tells of an error, or none at all: `kind` is `offline` without a connection, `silent` where none came in time. */
export class ApiError extends Error {
  constructor(message, kind) {
    super(message);
    this.kind = kind;
  }
}

async function answerOf(address, options) {
  let response;
  try {
    response = await fetch(address, options);
  } catch (error) {
    const kind = error.name === 'TimeoutError' ? 'silent' : 'offline';
    throw new ApiError('The server does not answer.', kind);
  }
  if (response.ok) return response;
  const { error, kind } = await response.json().catch(() => ({}));
  throw new ApiError(error ?? `The server answered ${response.status}.`, kind ?? 'failed');
}

const read = async (address, options) => (await answerOf(address, options)).json();

let annotator = '';

/** Says who works here: every change tells it to the server. */
export const sayWho = (name) => (annotator = name);

/**
 * What a change brings beside its body: `seen` is the revision of the image that it is made for; the server refuses it when there
 * is a newer one.
 */
const caller = (seen) => ({
  ...(seen === undefined ? {} : { 'If-Match': `"${seen}"` }),
  ...(annotator ? { 'X-Annotator': encodeURIComponent(annotator) } : {}),
});

const bodyOf = (body, seen) => ({
  method: 'POST',
  headers: { 'Content-Type': 'application/json', ...caller(seen) },
  body: JSON.stringify(body),
});

const post = async (address, body) => (await answerOf(address, bodyOf(body))).json();

/** The milliseconds that an answer says the network took. */
function networkMs(response) {
  const timing = /network;dur=([\d.]+)/.exec(response.headers.get('Server-Timing') ?? '');
  return timing ? Number(timing[1]) : 0;
}

export const workplace = () => read('/api/workplace');
/** How far loading and work are; with `patience`, an error after so many milliseconds. */
export const status = (patience) => read('/api/status', patience ? { signal: AbortSignal.timeout(patience) } : undefined);
export const chooseModel = (id) => post('/api/model', { id });
export const match = (on) => post('/api/matching', { on });
export const predictAhead = (on) => post('/api/ahead', { on });
export const images = () => read('/api/images');
export const image = (id) => read(`/api/images/${id}`);

/** One of the actions on an image: the new state, and how long the network took. */
export async function act(id, action, body, seen) {
  const response = await answerOf(`/api/images/${id}/${action}`, bodyOf(body, seen));
  return { answer: await response.json(), networkMs: networkMs(response) };
}

/** Imports a file of keypoints: as `act`. `sure` says that it is of this film, whatever it is called in the file. */
export async function importFile(id, file, seen, sure) {
  const kind = file.name.toLowerCase().endsWith('.json') ? 'application/json' : 'text/csv';
  const response = await answerOf(`/api/images/${id}/import${sure ? '?any_film=1' : ''}`, { method: 'POST', headers: { 'Content-Type': kind, ...caller(seen) }, body: file });
  return { answer: await response.json(), networkMs: networkMs(response) };
}

/** Which images a file has keypoints of; nothing is changed. */
export async function importSummary(file) {
  const kind = file.name.toLowerCase().endsWith('.json') ? 'application/json' : 'text/csv';
  return read('/api/import', { method: 'POST', headers: { 'Content-Type': kind }, body: file });
}

/** Does an action while the page is closing: nobody waits for its answer. */
export function actAtLast(id, action, body, seen) {
  fetch(`/api/images/${id}/${action}`, { ...bodyOf(body, seen), keepalive: true }).catch(() => {});
}

/** Reports time spent, even while the page is closing. */
export function reportTime(id, seconds) {
  fetch(`/api/images/${id}/time`, { ...bodyOf({ seconds }), keepalive: true }).catch(() => {});
}

/** The picture of an image, decoded. */
export async function picture(id, matched) {
  const response = await answerOf(`/api/images/${id}/${matched ? 'matched' : 'image'}.png`);
  return createImageBitmap(await response.blob());
}

/** The heatmap of a point, decoded. */
export async function heatmap(id, keypoint, revision) {
  const response = await answerOf(`/api/images/${id}/heatmap/${keypoint}.png?v=${revision}`);
  return createImageBitmap(await response.blob());
}

/** Hands a file over; answers its entry in the folder. */
export async function upload(file) {
  const response = await answerOf('/api/images', {
    method: 'POST',
    headers: { 'Content-Type': 'application/octet-stream', 'X-File-Name': encodeURIComponent(file.name) },
    body: file,
  });
  return response.json();
}

export const thumbnail = (id) => `/api/images/${id}/thumbnail.png`;
export const exported = (id, file) => `/api/images/${id}/export/${file}`;
export const exportedAll = (file) => `/api/export/${file}`;

/** An export of all images, and a line about those that are left out. */
export async function exportAll(file) {
  const response = await answerOf(exportedAll(file));
  return { file: await response.blob(), leftOut: decodeURIComponent(response.headers.get('X-Left-Out') ?? '') };
}
