// The time a person really spends on an image: pauses and hidden pages don't count.

const PAUSE_MS = 30_000;
const SIGNS_OF_LIFE = ['pointerdown', 'pointermove', 'keydown', 'wheel'];

export class Stopwatch {
  #last = performance.now();
  #active = 0;

  constructor() {
    const notice = () => this.#notice();
    for (const sign of SIGNS_OF_LIFE) addEventListener(sign, notice, { passive: true, capture: true });
  }

  #notice() {
    const now = performance.now();
    const passed = now - this.#last;
    if (passed < PAUSE_MS && !document.hidden) this.#active += passed;
    this.#last = now;
  }

  /** The active seconds since they were last taken. */
  take() {
    this.#notice();
    const seconds = this.#active / 1000;
    this.#active = 0;
    return Number(seconds.toFixed(3));
  }
}
