// Whether what is shown is saved: only what the server said it saved is.

/** What to say, and how good it is: `good`, `waiting` or `bad`. */
export function savedState({ image, pending, waited, silent, offline }) {
  if (offline) return { text: 'no connection', state: 'bad' };
  if (silent > 0) return { text: `no answer for ${silent} s`, state: 'bad' };
  if (pending !== null) return { text: waited < 1 ? 'saving …' : `saving … ${waited} s`, state: 'waiting' };
  if (!image || image.status === 'untouched') return { text: '', state: 'good' };
  return image.save_error ? { text: 'not saved', state: 'bad' } : { text: 'saved', state: 'good' };
}
