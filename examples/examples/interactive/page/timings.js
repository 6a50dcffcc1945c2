// How long a correction takes from letting go of the point to seeing the others move, for whoever wants to know:
// `window.ikem.timings` lists the last ones in milliseconds.

const KEPT = 200;
const timings = [];

window.ikem = { ...window.ikem, timings };

/** Notes a correction: when it was released, when its answer was drawn, and how much of that the server reports. */
export function note(released, drawn, networkMs) {
  timings.push({ total: drawn - released, network: networkMs, overhead: drawn - released - networkMs });
  if (timings.length > KEPT) timings.shift();
}
